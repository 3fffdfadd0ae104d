import type { Clock, KeyedLock } from '@opensandbox/base';
import type { AccountNames } from './account-names.ts';
import type { PathResolver } from './path-resolver.ts';

/** What every file operation works with. A second view of the file system is a second context. */
export interface FileContext {
  readonly resolve: PathResolver;
  readonly loadAccounts: () => Promise<AccountNames>;
  readonly clock: Clock;
  /** Takes what a client sends when the directory it is meant for cannot. */
  readonly spoolDirectory: string;
  /** Held while a file's content is written over in place; the key is device and inode. */
  readonly rewrites: KeyedLock<string>;
}

export type FileHandler = (context: FileContext, request: Request) => Promise<Response>;
