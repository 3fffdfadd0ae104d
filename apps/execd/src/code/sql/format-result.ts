import { isUtf8 } from 'node:buffer';
import type { SqlResult } from './connections.ts';

const BIT = 16;

/** The result of a statement as clients read it: cells are text, an absent value is null. */
export function formatResult(result: SqlResult): string {
  if (result.columns.length === 0) {
    return JSON.stringify({ columns: ['affected_rows'], rows: [[result.affectedRows]] });
  }
  const columns = result.columns.map((column) => column.name);
  const rows = result.rows.map((row) =>
    row.map((cell, at) => (cell === null ? null : formatCell(cell, result.columns[at]?.type))),
  );
  return JSON.stringify({ columns, rows });
}

/** Bytes that are no text are written as the database writes them in statements: 0x00FF. */
function formatCell(bytes: Uint8Array, type: number | undefined): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type === BIT || !isText(buffer)) return `0x${buffer.toString('hex').toUpperCase()}`;
  return buffer.toString('utf8');
}

function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && !bytes.includes(0);
}
