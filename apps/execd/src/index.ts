export type { Agent, AgentDeps } from './agent.ts';
export { createAgent } from './agent.ts';
export { createCommandRunner } from './commands/command-runner.ts';
export { listen } from './serve.ts';
