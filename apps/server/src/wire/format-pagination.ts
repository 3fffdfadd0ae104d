import type { PaginationBody } from '@opensandbox/contract';
import type { Page } from '@opensandbox/core';

export function formatPagination({ page, pageSize, totalItems }: Page<unknown>): PaginationBody {
  const totalPages = Math.ceil(totalItems / pageSize);
  return { page, pageSize, totalItems, totalPages, hasNextPage: page < totalPages };
}
