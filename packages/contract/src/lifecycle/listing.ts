import { z } from 'zod';
import { integer, queryObject, text } from '../validation/fields.ts';
import { wireSchema } from '../validation/wire-schema.ts';
import { sandboxBodySchema } from './sandbox.ts';
import { snapshotBodySchema } from './snapshot.ts';

const paging = {
  page: integer({ min: 1 }).default(1).meta({ description: 'Number of the page, from 1.' }),
  pageSize: integer({ min: 1, max: 200 }).default(20).meta({ description: 'Entries a page, at most 200.' }),
};

export const listSandboxesQuerySchema = queryObject(
  {
    state: z
      .array(text())
      .optional()
      .meta({ description: 'States to keep, without regard to case. Repeatable.' }),
    metadata: text().optional().meta({
      description: 'Labels that must match, as an encoded query string: `team%3Dinfra%26tier%3Dweb`.',
    }),
    ...paging,
  },
  ['state'],
);

export const listSnapshotsQuerySchema = queryObject(
  {
    sandboxId: text().optional().meta({ description: 'Sandbox that the snapshots were taken of.' }),
    name: text().optional().meta({ description: 'Exact name of the snapshots.' }),
    state: z.array(text()).optional().meta({ description: 'Exact states to keep. Repeatable.' }),
    ...paging,
  },
  ['state'],
);

export const paginationSchema = z.object({
  page: z.int().meta({ description: 'Number of this page.' }),
  pageSize: z.int().meta({ description: 'Entries a page.' }),
  totalItems: z.int().meta({ description: 'Entries of all pages.' }),
  totalPages: z.int().meta({ description: 'Number of pages; 0 when there are no entries.' }),
  hasNextPage: z.boolean().meta({ description: 'Whether a page follows.' }),
});

export const sandboxListBodySchema = z.object({
  items: z.array(sandboxBodySchema),
  pagination: paginationSchema,
});

export const snapshotListBodySchema = z.object({
  items: z.array(snapshotBodySchema),
  pagination: paginationSchema,
});

export type ListSandboxesQuery = z.output<typeof listSandboxesQuerySchema>;
export type ListSnapshotsQuery = z.output<typeof listSnapshotsQuerySchema>;
export type PaginationBody = z.output<typeof paginationSchema>;
export type SandboxListBody = z.output<typeof sandboxListBodySchema>;
export type SnapshotListBody = z.output<typeof snapshotListBodySchema>;

export const listSandboxesQuery = wireSchema<ListSandboxesQuery>(listSandboxesQuerySchema);
export const listSnapshotsQuery = wireSchema<ListSnapshotsQuery>(listSnapshotsQuerySchema);
