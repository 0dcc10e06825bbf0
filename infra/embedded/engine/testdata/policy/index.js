import * as k8s from "@pulumi/kubernetes";
import { PolicyPack, validateResourceOfType, validateStackResourcesOfType } from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";

/** Policies of every level and kind, for the engine's own tests: see tests/integration/policies.test.ts. */
const config = new pulumi.Config();

new PolicyPack("trial", {
  policies: [
    {
      name: "no-goodbye",
      description: "Greet, do not say goodbye.",
      enforcementLevel: "mandatory",
      validateResource: validateResourceOfType(k8s.core.v1.ConfigMap, (map, _, report) => {
        if (map.data?.greeting?.startsWith("bye")) report(`it says ${map.data.greeting}`);
      }),
    },
    {
      name: "polite",
      description: "Say hello.",
      enforcementLevel: "advisory",
      validateResource: validateResourceOfType(k8s.core.v1.ConfigMap, (map, _, report) => {
        if (map.data?.greeting === "hi") report("it says hi");
      }),
    },
    {
      name: "asleep",
      description: "Never asked.",
      enforcementLevel: "disabled",
      validateResource: (_, report) => report("it was asked"),
    },
    {
      name: "known-later",
      description: "Nothing is right when it is forbidden.",
      enforcementLevel: "mandatory",
      validateResource: ({ type, props }, report) => {
        if (type !== "pulumi:providers:kubernetes" || !config.getBoolean("forbidLater")) return;
        if (props.kubeconfig !== "") report("its kubeconfig is known now");
      },
    },
    {
      name: "no-secret-words",
      description: "Passwords are not for words.",
      enforcementLevel: "mandatory",
      validateResource: validateResourceOfType(k8s.core.v1.Secret, (secret, _, report) => {
        if (config.getBoolean("forbidSecrets")) report(`it is ${secret.stringData?.password}`);
      }),
    },
    {
      name: "one-config-map",
      description: "One is enough.",
      enforcementLevel: "mandatory",
      validateStack: validateStackResourcesOfType(k8s.core.v1.ConfigMap, (maps, _, report) => {
        if (maps.length > 1) report(`there are ${maps.length}`);
      }),
    },
  ],
});
