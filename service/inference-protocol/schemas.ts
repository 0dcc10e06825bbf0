import { z } from "zod";

/*
 * The JSON objects of the Open Inference Protocol (version 2, REST), with the names of its specification, and the
 * parameters of its binary tensor extension. Whatever else a request carries is ignored, as the protocol wants.
 */

/** The only type of a classifier's tensors: both are 32-bit floats. */
export const DATATYPE = "FP32";

const parameter = z.union([z.string(), z.number(), z.boolean()]);
const parameters = z.record(z.string(), parameter);
const shape = z.array(z.int());

const inputSchema = z.object({
  name: z.string(),
  shape: z.array(z.int().nonnegative()),
  datatype: z.string(),
  parameters: z
    .object({ binary_data_size: z.int().nonnegative().optional() })
    .catchall(parameter)
    .optional(),
  data: z.unknown().optional().meta({
    description: "Rows of numbers, nested or flat; or nothing, where bytes follow the JSON.",
    type: "array",
    items: {},
  }),
});

const requestedOutputSchema = z.object({
  name: z.string(),
  parameters: z.object({ binary_data: z.boolean().optional() }).catchall(parameter).optional(),
});

/** What `…/infer` is asked. `data` holds rows of numbers, nested or flat; its 150,528 numbers a photo are checked as they are read. */
export const inferenceRequestSchema = z
  .object({
    id: z.string().max(1024).optional(),
    parameters: z
      .object({ binary_data_output: z.boolean().optional() })
      .catchall(parameter)
      .optional(),
    inputs: z.array(inputSchema).max(16),
    outputs: z.array(requestedOutputSchema).max(16).optional(),
  })
  .meta({
    // Its data is cut short: 150,528 numbers are no example.
    example: {
      id: "1",
      inputs: [{ name: "input", shape: [1, 3, 224, 224], datatype: DATATYPE, data: [-0.5, 0.25] }],
      outputs: [{ name: "probabilities" }],
    },
  });

/** What `…/infer` answers. An output has `data`, or its bytes follow the JSON and `binary_data_size` says how many. */
export const inferenceAnswerSchema = z.object({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().optional(),
  parameters,
  outputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.literal(DATATYPE),
      shape,
      parameters: z.object({ binary_data_size: z.int() }).optional(),
      data: z.array(z.number()).optional(),
    }),
  ),
});

/** What `GET /v2/health/live` answers. */
export const serverLiveSchema = z.object({ live: z.boolean() });

/** What `GET /v2/health/ready` answers where it is. */
export const serverReadySchema = z.object({ ready: z.boolean() });

/** What `GET /v2/models/{name}/ready` answers where it is. */
export const modelReadySchema = z.object({ name: z.string(), ready: z.boolean() });

/** What `GET /v2` answers. */
export const serverMetadataSchema = z.object({
  name: z.string(),
  version: z.string(),
  extensions: z.array(z.string()),
});

const tensorMetadataSchema = z.object({ name: z.string(), datatype: z.literal(DATATYPE), shape });

/** What `GET /v2/models/{name}` answers; in a shape, -1 stands for the number of photos. */
export const modelMetadataAnswerSchema = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(tensorMetadataSchema),
  outputs: z.array(tensorMetadataSchema),
  parameters,
});

/** What every failed request of the protocol answers. */
export const protocolErrorSchema = z.object({ error: z.string() });

/** What `/v2/repository/index` is asked; nothing at all is the whole index. */
export const repositoryIndexRequestSchema = z.object({
  ready: z.boolean().optional().meta({ description: "Only models that answer." }),
});

/** What `/v2/repository/index` answers: every model of the store. */
export const repositoryIndexSchema = z.array(
  z.object({
    name: z.string(),
    version: z.string(),
    state: z.enum(["READY", "UNAVAILABLE", "UNLOADING"]),
    reason: z.string(),
  }),
);

/** What `…/load` is asked. Triton's other parameters, a configuration and files, are refused: a model comes from the store. */
export const repositoryLoadRequestSchema = z.object({
  parameters: z
    .strictObject({
      version: z.string().min(1).max(100).optional().meta({
        description: "One of the index, where it is not the one that the store offers by the name.",
      }),
    })
    .optional(),
});

/** What `…/unload` is asked: nothing that matters here, for no model depends on another one. */
export const repositoryUnloadRequestSchema = z.object({
  parameters: z.object({ unload_dependents: z.boolean().optional() }).optional(),
});

/** What `…/load` and `…/unload` answer. */
export const repositoryDoneSchema = z.object({});
