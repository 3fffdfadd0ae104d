import type { ApiAnswer, ServerProcess, WireBody } from '../server-process.ts';

/** What all clients of a run share. */
export interface World {
  readonly server: ServerProcess;
  /** The command line client of the engine that the server uses. */
  readonly docker: (...args: readonly string[]) => Promise<string>;
  readonly weather: Weather;
  /** Answers that no client may ever see. */
  readonly complaints: string[];
  /** How many sandboxes were asked for, and how many calls were made of the server. */
  made: number;
  calls: number;
}

/**
 * While a storm lasts nothing new begins, and what was under way when it broke out may fail. Everything else has
 * to be as the model says.
 */
export interface Weather {
  /** Runs `work` when it is calm. Resolves with false when a storm came in between. */
  run(work: () => Promise<void>): Promise<boolean>;
  /** Keeps new work away, runs `storm`, and when all that was under way has ended `aftermath`. */
  storm(storm: () => Promise<void>, aftermath: () => Promise<void>): Promise<void>;
  /** There was a storm since, or there is one. */
  isCalm(): boolean;
}

export function openWeather(): Weather {
  let under = 0;
  let storms = 0;
  let passing: Promise<void> | undefined;
  let ended: () => void = () => undefined;
  return {
    isCalm: () => passing === undefined,
    async run(work) {
      while (passing !== undefined) await passing;
      const before = storms;
      under += 1;
      try {
        await work();
      } catch (error) {
        if (storms === before) throw error;
      } finally {
        under -= 1;
        if (under === 0) ended();
      }
      return storms === before;
    },
    async storm(storm, aftermath) {
      storms += 1;
      let pass: () => void = () => undefined;
      passing = new Promise((resolve) => (pass = resolve));
      const quiet = new Promise<void>((resolve) => (ended = resolve));
      try {
        await storm();
        if (under > 0) await quiet;
        await aftermath();
      } finally {
        passing = undefined;
        ended = () => undefined;
        pass();
      }
    },
  };
}

/** A call of the API. What it must never answer is remembered, whatever the caller makes of it. */
export async function call(
  world: World,
  ...[method, path, body, headers]: Parameters<ServerProcess['call']>
): Promise<ApiAnswer> {
  const { server, weather, complaints } = world;
  world.calls += 1;
  const answer = await server.call(method, path, body, headers);
  const said = `${method} ${path} was answered ${answer.status}: ${answer.text.slice(0, 300)}`;
  if (answer.status >= 500 && weather.isCalm()) complaints.push(said);
  const { code, message } = bodyOf(answer);
  if (answer.status >= 400 && (code === undefined || message === undefined))
    complaints.push(`${said} (without code and message)`);
  return answer;
}

/** Whatever of a body there is. */
export function bodyOf({ json }: ApiAnswer): Partial<WireBody> {
  return json;
}

export function expectStatus(answer: ApiAnswer, ...allowed: readonly number[]): void {
  if (allowed.includes(answer.status)) return;
  throw new Error(`expected ${allowed.join(' or ')}, got ${answer.status}: ${answer.text.slice(0, 300)}`);
}
