/*
 * Runs in the guest, once, as an administrator, when Windows has been set up. Windows wants its own line ends.
 */
const LINES = [
  '@echo off',
  'rem Lets the OpenSandbox agent be reached, and starts it without a window.',
  'setlocal',
  'set "PLACE=C:\\OpenSandbox"',
  'if not exist "%PLACE%" mkdir "%PLACE%"',
  'echo %DATE% %TIME% setting up the agent >> "%PLACE%\\install.log"',
  'netsh advfirewall firewall delete rule name="OpenSandbox agent" > nul 2>&1',
  'netsh advfirewall firewall add rule name="OpenSandbox agent" dir=in action=allow protocol=TCP localport=44772 >> "%PLACE%\\install.log" 2>&1',
  'if not exist "C:\\OEM\\execd.exe" (',
  '  echo C:\\OEM\\execd.exe is missing >> "%PLACE%\\install.log"',
  '  exit /b 1',
  ')',
  "powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass -Command \"Start-Process -FilePath 'C:\\OEM\\execd.exe' -WorkingDirectory 'C:\\OpenSandbox' -WindowStyle Hidden -RedirectStandardOutput 'C:\\OpenSandbox\\execd.log' -RedirectStandardError 'C:\\OpenSandbox\\execd.error.log'\" >> \"%PLACE%\\install.log\" 2>&1",
  'exit /b %ERRORLEVEL%',
];

export const INSTALL_SCRIPT: Buffer = Buffer.from(LINES.map((line) => `${line}\r\n`).join(''), 'latin1');
