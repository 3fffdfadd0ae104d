import { dsnProblem } from '@opensandbox/renew-intents';
import { isTable, valueAt } from './key-tree.ts';
import type { Problem } from './problems.ts';

/**
 * Rules that join several keys. They look at the document itself: whether a table or key was written matters,
 * even when it is empty.
 */
export function crossFieldProblems(document: Readonly<Record<string, unknown>>): Problem[] {
  return [
    ...runtimeProblems(document),
    ...ingressProblems(document),
    ...secureRuntimeProblems(document),
    ...renewProblems(document),
  ];
}

function runtimeProblems(document: Readonly<Record<string, unknown>>): Problem[] {
  const type = valueAt(document, ['runtime', 'type']);
  const problems: Problem[] = [];
  if (type === 'docker') {
    if ('kubernetes' in document) {
      problems.push({
        path: 'kubernetes',
        message: "Kubernetes block must be omitted when runtime.type = 'docker'.",
      });
    }
    if ('agent_sandbox' in document) {
      problems.push({
        path: 'agent_sandbox',
        message: "agent_sandbox block must be omitted when runtime.type = 'docker'.",
      });
    }
    const mode = valueAt(document, ['ingress', 'mode']);
    if (mode !== undefined && mode !== 'direct') {
      problems.push({
        path: 'ingress.mode',
        message: "ingress.mode must be 'direct' when runtime.type = 'docker'.",
      });
    }
    if (valueAt(document, ['secure_runtime', 'type']) === 'firecracker') {
      const message = "secure_runtime.type 'firecracker' is only compatible with runtime.type='kubernetes'.";
      problems.push({ path: 'secure_runtime.type', message });
    }
  }
  if (type === 'kubernetes' && 'agent_sandbox' in document) {
    const provider = valueAt(document, ['kubernetes', 'workload_provider']);
    if (typeof provider !== 'string' || provider.toLowerCase() !== 'agent-sandbox') {
      const message = "agent_sandbox block requires kubernetes.workload_provider = 'agent-sandbox'.";
      problems.push({ path: 'agent_sandbox', message });
    }
  }
  return problems;
}

function ingressProblems(document: Readonly<Record<string, unknown>>): Problem[] {
  const ingress = document['ingress'];
  if (!isTable(ingress)) return [];
  const isGateway = ingress['mode'] === 'gateway';
  const problems: Problem[] = [];
  if (isGateway && !('gateway' in ingress)) {
    problems.push({
      path: 'ingress.gateway',
      message: "gateway block must be provided when ingress.mode = 'gateway'.",
    });
  }
  if (!isGateway && 'gateway' in ingress) {
    problems.push({
      path: 'ingress.gateway',
      message: "gateway block must be omitted unless ingress.mode = 'gateway'.",
    });
  }
  if (!isGateway && 'secure_access' in ingress) {
    problems.push({
      path: 'ingress.secure_access',
      message: "secure_access block requires ingress.mode = 'gateway'.",
    });
  }
  return problems;
}

function secureRuntimeProblems(document: Readonly<Record<string, unknown>>): Problem[] {
  const table = document['secure_runtime'];
  if (!isTable(table)) return [];
  const type = table['type'] ?? '';
  const hasDocker = 'docker_runtime' in table;
  const hasClass = 'k8s_runtime_class' in table;
  if (type === '' && (hasDocker || hasClass)) {
    const message = 'docker_runtime and k8s_runtime_class must be omitted when secure_runtime.type is empty.';
    return [{ path: 'secure_runtime', message }];
  }
  if (type === 'firecracker' && !hasClass) {
    const message = "secure_runtime.k8s_runtime_class is required when secure_runtime.type is 'firecracker'.";
    return [{ path: 'secure_runtime', message }];
  }
  if ((type === 'gvisor' || type === 'kata') && !hasDocker && !hasClass) {
    const message = `At least one of secure_runtime.docker_runtime or secure_runtime.k8s_runtime_class must be specified when secure_runtime.type is '${type}'.`;
    return [{ path: 'secure_runtime', message }];
  }
  return [];
}

function renewProblems(document: Readonly<Record<string, unknown>>): Problem[] {
  const path = 'renew_intent.redis.dsn';
  if (valueAt(document, ['renew_intent', 'redis', 'enabled']) !== true) return [];
  const dsn = valueAt(document, ['renew_intent', 'redis', 'dsn']);
  if (dsn === undefined || (typeof dsn === 'string' && dsn.trim() === '')) {
    return [{ path, message: '[renew_intent] redis.dsn must be set when redis.enabled is true.' }];
  }
  const isUsed = valueAt(document, ['renew_intent', 'enabled']) === true;
  const problem = isUsed && typeof dsn === 'string' ? dsnProblem(dsn) : undefined;
  return problem === undefined ? [] : [{ path, message: `[renew_intent] redis.dsn ${problem}.` }];
}
