import { expect, it } from 'vitest';
import { INSTALL_SCRIPT } from './install-script.ts';

it('opens the port of the agent and starts it, in lines that Windows reads', () => {
  const text = INSTALL_SCRIPT.toString('latin1');
  expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  expect(text).toMatch(/netsh advfirewall firewall add rule .*protocol=TCP localport=44772/);
  expect(text).toMatch(/Start-Process -FilePath 'C:\\OEM\\execd\.exe' .*-WindowStyle Hidden/);
  expect(text).toContain('C:\\OpenSandbox');
});
