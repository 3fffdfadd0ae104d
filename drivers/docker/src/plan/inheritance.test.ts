import { describe, expect, it } from 'vitest';
import { inheritanceOf } from './inheritance.ts';

describe('inheritanceOf', () => {
  it('is nothing for an image that is no sandbox', () => {
    expect(inheritanceOf({ Id: 'i' })).toBeUndefined();
    expect(inheritanceOf({ Id: 'i', Config: { Labels: { maintainer: 'x' } } })).toBeUndefined();
  });

  it('names all labels of a committed sandbox, and the variable that misleads the agent', () => {
    const Labels = { 'opensandbox.io/id': 'b1', 'opensandbox.io/expires-at': 'x', team: 'infra' };
    const Env = ['OPENSANDBOX_EGRESS_MITMPROXY_TRANSPARENT=true', 'PATH=/bin'];
    expect(inheritanceOf({ Id: 'i', Config: { Labels, Env } })).toEqual({
      labels: ['opensandbox.io/id', 'opensandbox.io/expires-at', 'team'],
      variables: ['OPENSANDBOX_EGRESS_MITMPROXY_TRANSPARENT'],
    });
    expect(inheritanceOf({ Id: 'i', Config: { Labels, Env: ['PATH=/bin'] } })?.variables).toEqual([]);
  });
});
