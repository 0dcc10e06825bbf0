import type { Display } from "../display.ts";
import { configSecretsHider } from "../project.ts";
import { secretHider } from "../property-values.ts";
import type { ResourceState } from "../resource-state.ts";
import { startAnalyzer, type Violation } from "./analyzer.ts";
import type { PackOptions } from "./pack-process.ts";

/** Judges what a program declares by a policy pack. What was said once is not said again by a later pass. */
export type PolicyGate = {
  /** Judges a resource as it is declared. @returns whether it may be @throws EngineError when the pack fails */
  readonly admits: (state: ResourceState) => Promise<boolean>;
  /** Judges all resources together. @returns whether they may be @throws EngineError when the pack fails */
  readonly admitsStack: (states: readonly ResourceState[]) => Promise<boolean>;
  readonly close: () => void;
};

/**
 * Starts a policy pack as a gate. Each violation is one line of the display: the resource, the policy, what is wrong.
 *
 * @throws EngineError when it does not start
 */
export const startGate = async (options: PackOptions, display: Display): Promise<PolicyGate> => {
  const hideConfig = configSecretsHider(options.config);
  const analyzer = await startAnalyzer({
    ...options,
    print: (line) => options.print(hideConfig(line)),
  });
  const said = new Set<string>();
  const report = (violations: readonly Violation[], states: readonly ResourceState[]): boolean => {
    for (const { policy, level, message, urn } of violations) {
      const state = states.find((each) => each.urn === urn);
      const hide = secretHider({ inputs: state?.inputs ?? {}, outputs: state?.outputs ?? {} });
      const text = `policy ${policy}: ${hide(hideConfig(message)).replaceAll("\n", " ")}`;
      const key = JSON.stringify([urn, level, text]);
      if (said.has(key)) continue;
      said.add(key);
      display.message(level === "mandatory" ? "error" : "warning", text, urn);
    }
    return violations.every(({ level }) => level !== "mandatory");
  };
  return {
    admits: async (state) =>
      report(await analyzer.analyze({ state, properties: state.inputs ?? {} }), [state]),
    admitsStack: async (states) =>
      report(
        await analyzer.analyzeStack(
          states.map((state) => ({ state, properties: state.outputs ?? state.inputs ?? {} })),
        ),
        states,
      ),
    close: analyzer.close,
  };
};
