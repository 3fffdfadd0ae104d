type Environment = Readonly<Record<string, string | undefined>>;

const SWITCH = 'OPENSANDBOX_LEAK_CHECK';

/** For a developer who runs several suites at once: they would see each other's containers. */
export function isOff(env: Environment): boolean {
  return env[SWITCH] === 'off';
}

/** Where the engine listens that the tests use. One that is far away is not looked at. */
export function engineSocket(env: Environment): string {
  return (env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');
}

/** How long what is on its way out may take to go. */
export function patienceMs(env: Environment): number {
  return Number(env['OPENSANDBOX_LEAK_WAIT_MS'] ?? '15000');
}
