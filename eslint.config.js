// Only the type-aware rules that Biome lacks; format and everything else is Biome's.
import pulumi from "@pulumi/eslint-plugin";
import tseslint from "typescript-eslint";

const typeAware = {
  files: ["{model,training,service,infra,examples,tests}/**/*.ts", "service/page/client/*.js"],
  languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true } },
  linterOptions: { reportUnusedDisableDirectives: "error" },
  plugins: { "@typescript-eslint": tseslint.plugin },
  rules: {
    "@typescript-eslint/no-floating-promises": "error",
    "@typescript-eslint/no-misused-promises": "error",
    "@typescript-eslint/await-thenable": "error",
    "@typescript-eslint/switch-exhaustiveness-check": "error",
    "@typescript-eslint/only-throw-error": "error",
  },
};

const pulumiProgram = {
  files: ["infra/index.ts", "infra/components/**/*.ts"],
  plugins: { "@pulumi": pulumi },
  rules: {
    "@pulumi/no-output-in-template-literal": "error",
    "@pulumi/no-output-instance-in-template-literal": "error",
  },
};

export default [
  { ignores: ["node_modules/", "coverage/", "artifacts/"] },
  typeAware,
  pulumiProgram,
];
