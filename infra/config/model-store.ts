import { z } from "zod";
import { quantity } from "./fields.ts";

/** The volume of the trained models. */
export const modelStoreSchema = z
  .strictObject(
    {
      size: quantity.default("1Gi"),
      /**
       * With ReadWriteOnce all pods that read the store share a node; ReadWriteMany needs a storage class that can
       * (NFS, CephFS, EFS, Azure Files, Filestore) and lets them spread.
       */
      accessMode: z
        .enum(["ReadWriteOnce", "ReadWriteMany"], "ReadWriteOnce or ReadWriteMany")
        .default("ReadWriteOnce"),
    },
    "size, accessMode",
  )
  .prefault({});
