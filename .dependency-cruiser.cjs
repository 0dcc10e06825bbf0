/** The arrows of the design: training ─▶ model ◀─ service; nothing imports infra; infra imports no code of the others. */
const forbid = (name, from, to) => ({
  name,
  severity: "error",
  from: { path: from },
  to: { path: to },
});

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    forbid("model-imports-neither-side", "^model/", "^(training|service|infra|tests)/"),
    forbid("training-imports-model-only", "^training/", "^(service|infra|tests)/"),
    forbid("service-imports-model-only", "^service/", "^(training|infra|tests)/"),
    forbid("examples-import-model-only", "^examples/", "^(training|service|infra|tests)/"),
    forbid("nobody-imports-examples", "^(model|training|service|infra)/", "^examples/"),
    // But for metric names, plain constants: renaming a metric must break the dashboards' and alerts' compilation.
    forbid(
      "infra-knows-images-and-ports-only",
      "^infra/",
      "^(training|model|tests)/|^service/(?!metric-names\\.ts$)",
    ),
    {
      name: "engine-does-not-know-the-program",
      severity: "error",
      from: { path: "^infra/embedded/engine/" },
      to: { path: "^infra/(components|index|config|cli|embedded/(cluster|images))" },
    },
    forbid(
      "policy-judges-objects-not-components",
      "^infra/policy/",
      "^infra/(components|index|config|cli|stack|embedded)",
    ),
    {
      name: "no-unresolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default"],
    },
  },
};
