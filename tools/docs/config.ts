import { driverSections } from '../../apps/server/src/compose.ts';
import { keyTree } from '../../apps/server/src/config/key-tree.ts';
import type { KeyNode } from '../../apps/server/src/config/key-tree.ts';
import { ruleText, typeText } from '../../apps/server/src/config/rule-text.ts';
import { configSchema } from '../../apps/server/src/config/schema.ts';

const INTRODUCTION = `# Configuration

The server reads one TOML file: the one named by \`--config\`, else by \`SANDBOX_CONFIG_PATH\`, else
\`~/.sandbox.toml\`. Only \`runtime.type\` must be set. \`opensandbox-server init-config --example docker\` writes a
file to start from, and \`opensandbox-server doctor\` checks it together with the host.

A leading \`~\` in a path is the home directory. Numbers and booleans may also be written as text
(\`port = "9000"\`). Every problem of a file is reported at once; a key that no section knows is named in a
warning and has no effect.
`;

const ENVIRONMENT = `## Environment

| Variable | Effect |
|---|---|
| \`SANDBOX_CONFIG_PATH\` | Configuration file; \`--config\` wins over it. |
| \`OPENSANDBOX_SERVER_API_KEY\` | Wins over \`server.api_key\`. Blank counts as unset. |
| \`OPENSANDBOX_INSECURE_SERVER\` | \`YES\`, exactly, lets a server without an API key start where nobody can be asked. |
| \`PENDING_FAILURE_TTL\` | Seconds a sandbox that failed to start stays readable. Default 3600. |
| \`DOCKER_HOST\`, \`DOCKER_CONTEXT\` | Where the Docker engine is: an address, or the name of a context of the Docker CLI. See guides/remote-engines.md. |
| \`DOCKER_TLS_VERIFY\`, \`DOCKER_TLS\`, \`DOCKER_CERT_PATH\` | TLS with the engine of \`DOCKER_HOST\`. |
| \`DOCKER_API_VERSION\` | Version of the Docker API to speak, if the engine offers it. |
| \`DOCKER_CONFIG\` | Directory of the Docker CLI configuration: contexts and registry credentials. |
| \`OPENSANDBOX_DEMO_IMAGE\` | Image that \`opensandbox-server quickstart\` uses. |
`;

const RULES = `## Rules that join several keys

- With \`runtime.type = "docker"\` the tables \`[kubernetes]\` and \`[agent_sandbox]\` must be left out, and
  \`ingress.mode\` must be \`direct\`.
- \`[agent_sandbox]\` needs \`kubernetes.workload_provider = "agent-sandbox"\`.
- \`[ingress.gateway]\` is needed in gateway mode and refused otherwise; \`[ingress.secure_access]\` needs gateway mode.
- \`secure_runtime.docker_runtime\` and \`k8s_runtime_class\` must be left out while \`secure_runtime.type\` is empty;
  gvisor and kata need one of them, firecracker needs \`k8s_runtime_class\` and the kubernetes runtime.
- \`renew_intent.redis.enabled = true\` needs \`renew_intent.redis.dsn\`. \`renew_intent.min_interval_seconds\` should be well
  below the 300 s that a sandbox may ask to be prolonged by; see guides/renew-on-access.md.

A \`secure_runtime.type\` needs an engine that has the runtime: without it the server does not start.

\`runtime.type = "kubernetes"\` is understood but not available in this version: the server refuses to start rather than run sandboxes otherwise than asked for.
`;

/** The reference page, from the schemas that the server itself uses. */
export function renderConfig(): string {
  const tree = keyTree(configSchema(driverSections));
  const sections = Object.entries(tree.properties ?? {}).map(([name, node]) => renderSection(name, node));
  return [INTRODUCTION, ...sections, RULES, ENVIRONMENT].join('\n');
}

function renderSection(path: string, node: KeyNode): string {
  const rows: string[] = [];
  collectRows('', node, rows);
  const head = `## [${path}]\n\n${node.description ?? ''}\n`;
  return `${head}\n| Key | Type | Default | Rule | Meaning |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
}

function collectRows(prefix: string, node: KeyNode, rows: string[]): void {
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    const name = `${prefix}${key}`;
    const isRequired = node.required?.includes(key) === true;
    if (child.properties !== undefined) {
      collectRows(`${name}.`, child, rows);
      continue;
    }
    rows.push(renderRow(name, child, isRequired));
    if (child.items?.properties !== undefined) collectRows(`${name}[].`, child.items, rows);
  }
}

function renderRow(name: string, node: KeyNode, isRequired: boolean): string {
  const fallback = node.default === undefined ? node.effective : JSON.stringify(node.default);
  const shown = isRequired ? 'required' : fallback === undefined ? '' : `\`${fallback}\``;
  const type = node.secret === true ? `${typeText(node)}, secret` : typeText(node);
  const cells = [`\`${name}\``, type, shown, ruleText(node), node.description ?? ''];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}
