import type { Secret } from '@opensandbox/base';
import type { ConfigSource } from '@opensandbox/kubernetes';
import type { LogLevel } from '@opensandbox/log';
import type { AccessRule } from './access/decide-access.ts';
import type { GatewayMode } from './request-target.ts';

/** Where sandboxes are looked up. */
export type SourceOptions =
  | {
      readonly kind: 'kubernetes';
      readonly workload: 'batchsandbox' | 'agent-sandbox';
      readonly cluster: ConfigSource;
    }
  | {
      readonly kind: 'server';
      readonly url: URL;
      readonly apiKey: Secret | undefined;
      readonly way: 'direct' | 'proxy';
      readonly freshMs: number;
    };

export type KeyOptions =
  | { readonly kind: 'none' }
  | { readonly kind: 'list'; readonly list: Secret }
  | { readonly kind: 'file'; readonly path: string };

export interface RenewOptions {
  readonly dsn: Secret;
  readonly queueKey: string;
  readonly maxLength: number | undefined;
  readonly minIntervalMs: number;
}

/** Everything that the flags say, checked. */
export interface IngressOptions {
  readonly listen: Listen;
  readonly admin: Listen | undefined;
  readonly mode: GatewayMode;
  readonly source: SourceOptions;
  readonly keys: KeyOptions;
  readonly requireAccess: AccessRule;
  readonly renew: RenewOptions | undefined;
  readonly maxConnections: number;
  readonly drainMs: number;
  readonly log: { readonly level: LogLevel; readonly format: 'text' | 'json' };
}

export interface Listen {
  /** `undefined`: every address of this machine. */
  readonly host: string | undefined;
  readonly port: number;
}
