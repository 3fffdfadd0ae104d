import { expect } from 'vitest';
import { post, runCommand } from '../../support/event-lines.ts';
import { call, expectError } from '../row.ts';
import type { Row } from '../row.ts';
import type { Site } from '../site.ts';

const REFUSED: readonly unknown[] = [
  { command: '' },
  {},
  '{',
  '',
  'null',
  '[]',
  { command: 'true', timeout: -1 },
  { command: 'true', gid: 1 },
  { command: 'true', cwd: '/no/such/directory' },
  { command: 'true', cwd: '/proc/self/status' },
  { command: 'true', uid: -1 },
  { command: 7 },
];

async function write(site: Site, path: string, text: string): Promise<void> {
  const { last } = await runCommand(site.url, `printf %s "$TEXT" > ${path}`, { envs: { TEXT: text } });
  expect(last.type).toBe('execution_complete');
}

/** What can be asked of a command: its directory, variables and user. */
export const COMMANDS: readonly Row[] = [
  {
    key: 'T22',
    name: 'a request that cannot be meant is refused before anything starts',
    async run(site) {
      for (const body of REFUSED) {
        await expectError(await post(site.url, '/command', body), 400, 'INVALID_REQUEST_BODY');
      }
    },
  },
  {
    key: 'T23',
    name: 'null is the same as nothing',
    async run(site) {
      const nothing = { cwd: null, background: null, timeout: null, uid: null, gid: null, envs: null };
      expect((await runCommand(site.url, 'echo x', nothing)).stdout).toEqual(['x']);
    },
  },
  {
    key: 'T24',
    name: 'a directory may be named through variables that there are',
    async run(site) {
      const { stdout } = await runCommand(site.url, 'echo ~');
      expect((await runCommand(site.url, 'pwd', { cwd: '~' })).stdout).toEqual(stdout);
      expect((await runCommand(site.url, 'pwd', { cwd: '$HOME' })).stdout).toEqual(stdout);
      const mine = { cwd: '/${WHERE}', envs: { WHERE: 'dev' } };
      expect((await runCommand(site.url, 'pwd', mine)).stdout).toEqual(['/dev']);
      const undefinedOnes = { command: 'pwd', cwd: '/$UNDEF_Y/$UNDEF_X' };
      await expectError(
        await post(site.url, '/command', undefinedOnes),
        400,
        'INVALID_REQUEST_BODY',
        /UNDEF_X.*UNDEF_Y/,
      );
    },
  },
  {
    key: 'T26',
    name: 'variables of a request are literal, and of that request alone',
    async run(site) {
      const show = 'echo "[$ROW_A]"';
      expect((await runCommand(site.url, show, { envs: { ROW_A: '1 $HOME' } })).stdout).toEqual([
        '[1 $HOME]',
      ]);
      expect((await runCommand(site.url, show)).stdout).toEqual(['[]']);
    },
  },
  {
    key: 'T27',
    name: 'the file of variables is read before each command',
    async run(site) {
      const directory = await site.directory();
      const file = `${directory}/env`;
      await write(site, file, '# a comment\nFOO=bar\nP=$HOME/x\nMALFORMED\nEMPTY=\n');
      const agent = await site.agent({ env: { EXECD_ENVS: file } });
      const show = async (more = {}): Promise<readonly string[]> =>
        (await runCommand(agent.url, 'echo "$FOO|${P#$HOME}|${EMPTY-unset}|${MALFORMED-unset}"', more))
          .stdout;
      expect(await show()).toEqual(['bar|/x||unset']);
      expect(await show({ envs: { FOO: 'mine' } })).toEqual(['mine|/x||unset']);
      await write(site, file, 'FOO=edited\n');
      expect(await show()).toEqual(['edited||unset|unset']);
    },
  },
  {
    key: 'T28',
    name: 'a command runs as the user and group that were asked for',
    needs: ['root'],
    async run(site) {
      const as = async (more: object): Promise<string> =>
        (await runCommand(site.url, 'id -u; id -g; id -G', { ...more })).stdout.join(' ');
      expect(await as({ uid: 65_534 })).toBe('65534 65534 65534');
      expect(await as({ uid: 65_534, gid: 1234 })).toMatch(/^65534 1234 1234\b/);
      expect(await as({ uid: 54_321 })).toBe('54321 54321 54321');
      const denied = await runCommand(site.url, `echo x > /proc/1/oom_score_adj`, { uid: 54_321 });
      expect(denied.last.type).toBe('error');
    },
  },
  {
    key: 'T28-user',
    name: 'a command as another user is refused in its stream',
    needs: ['an ordinary user'],
    async run(site) {
      const { last, stdout } = await runCommand(site.url, 'id -u', { uid: 1234 });
      expect(stdout).toEqual([]);
      expect(last.error?.ename).toBe('CommandExecError');
      expect(last.error?.evalue).toMatch(/permitted|permission/i);
      expect((await runCommand(site.url, 'id -u')).stdout).toEqual(['65534']);
    },
  },
  {
    key: 'T52',
    name: 'code without a language is a command',
    async run(site) {
      const response = await call(site, 'POST', '/code', { code: 'echo x; exit 3' });
      expect(response.status).toBe(200);
      const raw = await response.text();
      expect(raw).toContain('"text":"x"');
      expect(raw).toContain('"evalue":"3"');
    },
  },
];
