import { expect, it } from 'vitest';
import { interruptOwner } from './interrupt.ts';
import type { Interruptible } from './interrupt.ts';

const never = new AbortController().signal;

function owner(ids: readonly string[], interrupted: string[]): Interruptible {
  return {
    owns: (id) => ids.includes(id),
    interrupt: async (id) => void interrupted.push(id),
  };
}

it('interruptOwner asks the owners in their order and interrupts at the first that knows the id', async () => {
  const [first, second]: [string[], string[]] = [[], []];
  const owners = [owner(['a'], first), owner(['a', 'b'], second)];
  await interruptOwner(owners, 'a', never);
  await interruptOwner(owners, 'b', never);
  expect([first, second]).toEqual([['a'], ['b']]);
});

it('interruptOwner rejects with no such session when nobody knows the id', async () => {
  await expect(interruptOwner([owner(['a'], [])], 'x', never)).rejects.toMatchObject({
    code: 'RUNTIME_ERROR',
    message: 'error interruptting code context. no such session',
  });
});
