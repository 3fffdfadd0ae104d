import { describe, expect, it } from 'vitest';
import { createRouteTable } from './route-table.ts';

const table = createRouteTable([
  { method: 'GET', path: '/a' },
  { method: 'POST', path: '/a' },
  { method: 'DELETE', path: '/a/:id' },
  { method: 'GET', path: '/b.c' },
  { method: 'PUT', path: '/p/:port/*' },
]);

describe('createRouteTable', () => {
  it.each([
    ['/a', ['GET', 'POST']],
    ['/a/x', ['DELETE']],
    ['/a/x\ny', ['DELETE']],
    ['/p/80/', ['PUT']],
    ['/p/80/x/y', ['PUT']],
    ['/b.c', ['GET']],
    ['/bxc', undefined],
    ['/a/', undefined],
    ['/a/x/y', undefined],
    ['/p/80', undefined],
    ['/A', undefined],
  ])('knows the methods of %j', (path, methods) => {
    expect(table.methodsOf(path)).toEqual(methods);
  });
});
