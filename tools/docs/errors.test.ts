import { describe, expect, it } from 'vitest';
import { PUBLIC_CODES, SERVER_FAULT_CODES } from '../../apps/server/src/wire-codes.ts';
import { FAULT_CODES } from '../../packages/core/src/index.ts';
import { renderErrors } from './errors.ts';

function listed(section: string): ReadonlySet<string> {
  return new Set(
    Array.from(section.matchAll(/^\| `([^`]+)` \| (\d+) \|/gm), ([, code, status]) => `${code} ${status}`),
  );
}

describe('renderErrors', () => {
  const [, docker = '', kubernetes = ''] = renderErrors().split(/^## .*$/m);

  it('lists exactly the codes that Docker answers with', () => {
    const codes = Object.values(PUBLIC_CODES).map(({ code, status }) => `${code} ${status}`);
    expect(listed(docker)).toEqual(new Set(codes));
  });

  it('lists exactly the codes that Kubernetes answers with', () => {
    const codes = Object.values(PUBLIC_CODES).map((entry) => entry.kubernetes ?? entry);
    expect(listed(kubernetes)).toEqual(new Set(codes.map(({ code, status }) => `${code} ${status}`)));
  });

  it('says of every internal code when it is raised', () => {
    const page = renderErrors();
    for (const meaning of Object.values({ ...FAULT_CODES, ...SERVER_FAULT_CODES })) {
      expect(page).toContain(meaning);
    }
  });
});
