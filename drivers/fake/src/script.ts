import type { FaultKind } from '@opensandbox/base';
import { Fault } from '@opensandbox/base';
import type { FaultCode, SandboxSpec } from '@opensandbox/core/ports';
import { FAULT_CODES } from '@opensandbox/core/ports';
import type { FakeConfig } from './config.ts';

export type Step = 'image' | 'create' | 'start';

/** What one sandbox does, read from its environment. README.md lists the variables. */
export interface Script {
  readonly delayMs: Readonly<Record<Step, number>>;
  readonly failure: { readonly step: Step; readonly fault: Fault } | undefined;
  readonly exit: { readonly afterMs: number; readonly code: number; readonly oomKilled: boolean } | undefined;
  readonly agentMs: number | 'never';
  /** What the sandbox writes. */
  readonly log: string;
}

const KINDS: Partial<Record<FaultCode, FaultKind>> = {
  'engine.unavailable': 'unavailable',
  'engine.timeout': 'timeout',
  'agent.start_failed': 'unavailable',
};

export function readScript(spec: SandboxSpec, config: FakeConfig): Script {
  const env = new Map(spec.env);
  const ms = (name: string, fallback: number): number => readNumber(env.get(name)) ?? fallback;
  const code = readCode(env.get('FAKE_FAIL'));
  const oomAfterMs = readNumber(env.get('FAKE_OOM_AFTER_MS'));
  const exitAfterMs = readNumber(env.get('FAKE_EXIT_AFTER_MS'));
  return {
    delayMs: {
      image: ms('FAKE_IMAGE_MS', config.imageMs),
      create: ms('FAKE_CREATE_MS', config.createMs),
      start: ms('FAKE_START_MS', config.startMs),
    },
    failure: code && {
      step: readStep(env.get('FAKE_FAIL_STEP')) ?? usualStep(code),
      fault: faultOf(code, spec),
    },
    exit: readExit(oomAfterMs, exitAfterMs, ms('FAKE_EXIT_CODE', 0)),
    log: env.get('FAKE_LOG') ?? '',
    agentMs: env.get('FAKE_AGENT') === 'never' ? 'never' : ms('FAKE_AGENT_MS', config.agentMs),
  };
}

function readExit(
  oomAfterMs: number | undefined,
  exitAfterMs: number | undefined,
  code: number,
): Script['exit'] {
  if (oomAfterMs !== undefined) return { afterMs: oomAfterMs, code: 137, oomKilled: true };
  return exitAfterMs === undefined ? undefined : { afterMs: exitAfterMs, code, oomKilled: false };
}

function readNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function readCode(text: string | undefined): FaultCode | undefined {
  if (text === undefined || text === '') return undefined;
  return text in FAULT_CODES ? (text as FaultCode) : 'sandbox.start_failed';
}

function readStep(text: string | undefined): Step | undefined {
  return text === 'image' || text === 'create' || text === 'start' ? text : undefined;
}

function usualStep(code: FaultCode): Step {
  return code.startsWith('image.') ? 'image' : 'start';
}

function faultOf(code: FaultCode, spec: SandboxSpec): Fault {
  const image = spec.source.kind === 'image' ? spec.source.uri : spec.source.image;
  const message =
    code === 'image.pull_failed'
      ? `Failed to pull image ${image}: the sandbox's environment asks for this failure.`
      : `The sandbox's environment asks for the failure ${code}.`;
  return new Fault(KINDS[code] ?? 'internal', code, message);
}
