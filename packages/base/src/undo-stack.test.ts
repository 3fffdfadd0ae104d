import { describe, expect, it } from 'vitest';
import { UndoStack } from './undo-stack.ts';

describe('UndoStack', () => {
  it('takes back in reverse, goes on after a step that fails, and reports it', async () => {
    const seen: string[] = [];
    {
      await using undo = new UndoStack((step) => void seen.push(`${step} failed`));
      undo.add('first', async () => void seen.push('first'));
      undo.add('second', () => Promise.reject(new Error('stuck')));
      undo.add('third', async () => void seen.push('third'));
    }
    expect(seen).toEqual(['third', 'second failed', 'first']);
  });

  it('takes nothing back once it is kept', async () => {
    const seen: string[] = [];
    {
      await using undo = new UndoStack(() => undefined);
      undo.add('first', async () => void seen.push('first'));
      undo.keep();
    }
    expect(seen).toEqual([]);
  });
});
