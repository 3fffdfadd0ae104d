import type { Fields, Logger } from '@opensandbox/base';

/** What one connection tells about itself. */
export interface LinkReport {
  up(): void;
  /** There is none now, whether there was one or not. */
  down(): void;
  /** Called before `down`. */
  failed(error: unknown): void;
}

/** Several connections to one Redis, told of as one: a line for each change, not for each attempt. */
export interface LinkReports {
  open(): LinkReport;
  connected(): number;
}

export function createLinkReports(log: Logger, fields: Fields): LinkReports {
  let connected = 0;
  let told: 'up' | 'down' | undefined;

  function tellDown(error: unknown): void {
    const about = { ...fields, ...describeRedisError(error) };
    if (told === undefined) {
      log.error('renew.redis_unreachable', {
        renew_event: 'worker_redis_error',
        renew_skip_reason: 'redis_connect_failed',
        ...about,
        note: 'connecting goes on; accesses through this program still count',
      });
    } else {
      log.warn('renew.redis_lost', { renew_event: 'worker_redis_error', ...about });
    }
    told = 'down';
  }

  return {
    open() {
      let isUp = false;
      return {
        up() {
          isUp = true;
          connected += 1;
          if (told === 'up') return;
          told = 'up';
          log.info('renew.redis_connected', { renew_event: 'redis_connected', ...fields });
        },
        down() {
          if (isUp) connected -= 1;
          isUp = false;
        },
        failed(error) {
          const others = isUp ? connected - 1 : connected;
          if (others === 0 && told !== 'down') tellDown(error);
        },
      };
    },
    connected: () => connected,
  };
}

/** A Redis that does not know AUTH repeats what came with it. */
const ARGUMENTS = /,? with args beginning with.*/s;

/**
 * What may be logged of a failure. Never the error itself: the client attaches the command that failed, which may be the
 * one with the password.
 */
export function describeRedisError(error: unknown): Fields {
  if (!(error instanceof Error)) return { renew_error_type: 'unknown' };
  const type = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return { renew_error_type: type, renew_error: error.message.replace(ARGUMENTS, '') };
}
