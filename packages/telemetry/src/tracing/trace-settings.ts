/** The variables of a process, as its `main` read them. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface SamplerChoice {
  readonly kind: 'on' | 'off' | 'ratio';
  /** Of new traces, the part that is recorded. */
  readonly ratio: number;
  /** Whether a caller's decision counts where there is one. */
  readonly followsParent: boolean;
}

export interface TraceSettings {
  readonly url: string;
  readonly isJson: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly delayMs: number;
  readonly sampler: SamplerChoice;
  readonly serviceName: string | undefined;
  readonly resource: Readonly<Record<string, string>>;
  /** Sentences about what was said and cannot be done. */
  readonly complaints: readonly string[];
}

const TRACES_PATH = '/v1/traces';
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_DELAY_MS = 5_000;

/** What the OpenTelemetry variables ask for; undefined unless an endpoint is named. */
export function readTraceSettings(env: Environment): TraceSettings | undefined {
  if (word(env['OTEL_SDK_DISABLED']) === 'true' || word(env['OTEL_TRACES_EXPORTER']) === 'none')
    return undefined;
  const complaints: string[] = [];
  const url = endpoint(env, complaints);
  if (url === undefined) return complaints.length === 0 ? undefined : nothing(complaints);
  const protocol =
    word(env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL']) ?? word(env['OTEL_EXPORTER_OTLP_PROTOCOL']);
  if (protocol !== undefined && protocol !== 'http/json' && protocol !== 'http/protobuf') {
    complaints.push(
      `OTLP is sent as http/protobuf or http/json, not as '${protocol}'; it is sent as http/protobuf.`,
    );
  }
  const resource = parsePairs(env['OTEL_RESOURCE_ATTRIBUTES']);
  return {
    url,
    isJson: protocol === 'http/json',
    headers: {
      ...parsePairs(env['OTEL_EXPORTER_OTLP_HEADERS']),
      ...parsePairs(env['OTEL_EXPORTER_OTLP_TRACES_HEADERS']),
    },
    timeoutMs:
      positive(env['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT']) ??
      positive(env['OTEL_EXPORTER_OTLP_TIMEOUT']) ??
      DEFAULT_TIMEOUT_MS,
    delayMs: positive(env['OTEL_BSP_SCHEDULE_DELAY']) ?? DEFAULT_DELAY_MS,
    sampler: readSampler(env, complaints),
    serviceName: text(env['OTEL_SERVICE_NAME']) ?? resource['service.name'],
    resource,
    complaints,
  };
}

/** Whether there is anything to open. */
export function sendsTraces(env: Environment): boolean {
  return readTraceSettings(env) !== undefined;
}

function nothing(complaints: readonly string[]): TraceSettings {
  const sampler: SamplerChoice = { kind: 'off', ratio: 0, followsParent: false };
  const unused = {
    isJson: false,
    headers: {},
    timeoutMs: 1,
    delayMs: 1,
    serviceName: undefined,
    resource: {},
  };
  return { ...unused, url: '', sampler, complaints };
}

/** The endpoint for traces is taken as it is; the one for everything gets the path. */
function endpoint(env: Environment, complaints: string[]): string | undefined {
  const forTraces = text(env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']);
  const forAll = text(env['OTEL_EXPORTER_OTLP_ENDPOINT']);
  const said = forTraces ?? forAll;
  if (said === undefined) return undefined;
  const url = /^https?:\/\//i.test(said) ? said : `http://${said}`;
  if (!URL.canParse(url)) {
    complaints.push('The OTLP endpoint is no http or https URL; no traces are sent.');
    return undefined;
  }
  return forTraces === undefined ? url.replace(/\/*$/, TRACES_PATH) : url;
}

const SAMPLERS: Readonly<Record<string, Omit<SamplerChoice, 'ratio'>>> = {
  always_on: { kind: 'on', followsParent: false },
  always_off: { kind: 'off', followsParent: false },
  traceidratio: { kind: 'ratio', followsParent: false },
  parentbased_always_on: { kind: 'on', followsParent: true },
  parentbased_always_off: { kind: 'off', followsParent: true },
  parentbased_traceidratio: { kind: 'ratio', followsParent: true },
};

function readSampler(env: Environment, complaints: string[]): SamplerChoice {
  const name = word(env['OTEL_TRACES_SAMPLER']) ?? 'parentbased_always_on';
  const known = Object.hasOwn(SAMPLERS, name) ? SAMPLERS[name] : undefined;
  if (known === undefined) {
    complaints.push(`OTEL_TRACES_SAMPLER '${name}' is not known; parentbased_always_on is used.`);
    return { kind: 'on', ratio: 1, followsParent: true };
  }
  if (known.kind !== 'ratio') return { ...known, ratio: known.kind === 'on' ? 1 : 0 };
  const ratio = Number(text(env['OTEL_TRACES_SAMPLER_ARG']) ?? 1);
  if (ratio >= 0 && ratio <= 1) return { ...known, ratio };
  complaints.push('OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1; every trace is recorded.');
  return { ...known, ratio: 1 };
}

/** `a=1,b=2`, values percent-encoded. Pairs that make no sense are left out. */
function parsePairs(list: string | undefined): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const pair of (list ?? '').split(',')) {
    const split = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, split)).trim();
    if (name !== '') pairs[name] = decoded(pair.slice(split + 1).trim());
  }
  return pairs;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function positive(said: string | undefined): number | undefined {
  const value = Number(text(said) ?? NaN);
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function text(said: string | undefined): string | undefined {
  const trimmed = said?.trim() ?? '';
  return trimmed === '' ? undefined : trimmed;
}

function word(said: string | undefined): string | undefined {
  return text(said)?.toLowerCase();
}
