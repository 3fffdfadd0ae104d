/** How long the steps of the fake engine take, and what address its sandboxes claim to have. */
export interface FakeConfig {
  readonly imageMs: number;
  readonly createMs: number;
  readonly startMs: number;
  readonly destroyMs: number;
  readonly captureMs: number;
  /** How long the agent inside takes to answer once the sandbox runs. */
  readonly agentMs: number;
  readonly host: string;
  /** Container port → host port, for every sandbox alike; `undefined` makes up ports of its own for each. */
  readonly ports: Readonly<Record<number, number>> | undefined;
}

/** Every key is optional; what is missing takes its default. */
export function fakeConfig(input: Partial<FakeConfig> = {}): FakeConfig {
  return {
    imageMs: 0,
    createMs: 0,
    startMs: 0,
    destroyMs: 0,
    captureMs: 0,
    agentMs: 0,
    host: '127.0.0.1',
    ports: undefined,
    ...input,
  };
}
