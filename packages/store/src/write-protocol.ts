import type { SnapshotRow } from './snapshot-rows.ts';

/** One row to write. `body` is the record as text. */
export type WriteOp =
  | { readonly kind: 'insert'; readonly id: string; readonly revision: number; readonly body: string }
  | {
      readonly kind: 'replace';
      readonly id: string;
      readonly revision: number;
      readonly body: string;
      /** The revision that the change was made from. */
      readonly from: number;
    }
  | { readonly kind: 'remove'; readonly id: string }
  | SnapshotOp;

/** One row of the table that other servers share. */
export type SnapshotOp =
  | { readonly kind: 'snapshot-insert'; readonly id: string; readonly row: SnapshotRow }
  | {
      readonly kind: 'snapshot-replace';
      readonly id: string;
      readonly row: SnapshotRow;
      /** What the row held when the change was made. */
      readonly from: { readonly state: string; readonly updatedAt: string };
    }
  | { readonly kind: 'snapshot-remove'; readonly id: string };

/** Another process wrote the row meanwhile; nothing of the transaction was kept. */
export interface Conflict {
  readonly id: string;
  /** What the row holds now; `undefined` when there is none. */
  readonly body: string | undefined;
  /** The same of a snapshot. */
  readonly row?: SnapshotRow | undefined;
}

export type WriterRequest =
  { readonly kind: 'write'; readonly ops: readonly WriteOp[] } | { readonly kind: 'close' };

export type WriterAnswer =
  | { readonly kind: 'done' }
  | { readonly kind: 'conflict'; readonly conflict: Conflict }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** Writes transactions, one at a time: a call comes only after the one before has been answered. */
export interface Writer {
  /** All of it is on disk when it resolves with `undefined`; nothing of it is kept otherwise. */
  write(ops: readonly WriteOp[]): Promise<Conflict | undefined>;
  close(): Promise<void>;
}
