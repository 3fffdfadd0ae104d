import { describe, expect, it } from 'vitest';
import { sandboxId } from '../sandbox.ts';
import { createJournal } from './journal.ts';

const ID = sandboxId('a');

function open(isCut = false) {
  let time = 0;
  const journal = createJournal({ now: () => (time += 1) });
  journal.open(ID, isCut);
  return journal;
}

describe('createJournal', () => {
  it('keeps what happened in order, with its time', () => {
    const journal = open();
    journal.add(ID, { event: 'A', message: 'one' });
    journal.add(ID, { event: 'B', message: 'two' });
    expect(journal.read(ID)).toEqual({
      entries: [
        { at: 1, event: 'A', message: 'one' },
        { at: 2, event: 'B', message: 'two' },
      ],
      isCut: false,
      dropped: 0,
    });
  });

  it('tells a step that makes progress once, with its latest numbers and the time it began', () => {
    const journal = open();
    for (const percent of [1, 50, 99.5]) journal.add(ID, { event: 'Pull', message: `Pulled ${percent} %` });
    journal.add(ID, { event: 'Pull', message: 'Unpacking' });
    expect(journal.read(ID).entries).toEqual([
      { at: 1, event: 'Pull', message: 'Pulled 99.5 %' },
      { at: 4, event: 'Pull', message: 'Unpacking' },
    ]);
  });

  it('keeps the newest hundred, and counts the others', () => {
    const journal = open();
    for (let turn = 0; turn < 250; turn += 1) journal.add(ID, { event: `E${turn}`, message: '' });
    const page = journal.read(ID);
    expect(page.entries).toHaveLength(100);
    expect(page.entries.at(-1)?.event).toBe('E249');
    expect(page.dropped).toBe(150);
  });

  it('keeps nothing of sandboxes that are not there', () => {
    const journal = open();
    journal.add(sandboxId('b'), { event: 'A', message: '' });
    journal.add(ID, { event: 'A', message: 'x'.repeat(5000) });
    expect(journal.read(ID).entries[0]?.message).toHaveLength(1000);
    journal.close(ID);
    journal.add(ID, { event: 'A', message: '' });
    for (const id of [ID, sandboxId('b')]) expect(journal.read(id).entries).toEqual([]);
  });

  it('goes on with a page that is open', () => {
    const journal = open(true);
    journal.add(ID, { event: 'A', message: '' });
    journal.open(ID, false);
    expect(journal.read(ID)).toMatchObject({ isCut: true, entries: [{ event: 'A' }] });
  });
});
