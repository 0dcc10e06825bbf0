import { PolicyPack } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { exemptions } from "./exemptions.ts";
import { policiesFor, type Target } from "./policies.ts";

/*
 * The policy pack, as `pulumi up --policy-pack infra/policy` and the embedded engine start it. The stack's own setting
 * says which kind of cluster it is for; a wrong setting is reported by the program, which runs beside it.
 */
const cluster = new pulumi.Config("image-classification-platform").getObject<{ kind?: Target }>(
  "cluster",
);

new PolicyPack("image-classification-platform", {
  enforcementLevel: "mandatory",
  policies: policiesFor(cluster?.kind ?? "minikube", exemptions),
});
