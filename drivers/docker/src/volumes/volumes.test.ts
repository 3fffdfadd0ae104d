import { describe, expect, it } from 'vitest';
import { mergeLabels } from './volumes.ts';

describe('mergeLabels', () => {
  it('joins the lists that several volumes write under one name', () => {
    const first = mergeLabels({}, { list: '["a"]', one: 'x' });
    expect(mergeLabels(first, { list: '["b"]' })).toEqual({ list: '["a","b"]', one: 'x' });
  });

  it('lets the later text stand where there is no list', () => {
    expect(mergeLabels({ one: 'x' }, { one: '["y"]' })).toEqual({ one: '["y"]' });
  });
});
