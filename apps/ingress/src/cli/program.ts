import { Command, CommanderError, Option } from 'commander';
import { Fault, isFault } from '@opensandbox/base';
import { type Flags, addFlags, portNumber, withTwoDashes } from './flags.ts';
import type { Host } from './host.ts';
import { readOptions } from './read-options.ts';
import { serve } from './serve.ts';
import { parseExpires, parseTtl, signedRoute } from './sign.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const HELP = `
Requests name a sandbox and a port: {id}-{port} in the header OpenSandbox-Ingress-To or as the first label of the
host name, or /{id}/{port}/... in uri mode. Signed routes add -{expiry}-{signature}, or /{expiry}/{signature}.

SIGHUP reads the key file again. SIGTERM and SIGINT stop: nothing new is taken, what is open may end.`;

/** Runs what the arguments ask for; resolves with the exit code. */
export async function runCommandLine(host: Host): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(host, (code) => (exitCode = code));
  try {
    await program.parseAsync(withTwoDashes(host.args), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (!isFault(error)) throw error;
    host.stderr.write(`opensandbox-ingress: ${error.message}\n`);
    return error.code === 'flags.invalid' ? EXIT_USAGE : EXIT_FAILED;
  }
}

function buildProgram(host: Host, done: (code: number) => void): Command {
  const program = new Command('opensandbox-ingress')
    .description('The gateway to the ports of sandboxes.')
    .version(host.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', HELP)
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      writeErr: (text) => void host.stderr.write(text),
    })
    .enablePositionalOptions()
    .allowExcessArguments(false)
    .exitOverride();
  addFlags(program).action(async () => {
    done(await serve(host, readOptions(program.opts<Flags>(), host)));
  });
  addSign(program, host);
  return program;
}

interface SignFlags {
  readonly keyId: string;
  readonly keyFile: string;
  readonly sandbox: string;
  readonly port: number;
  readonly expires?: string;
  readonly ttl?: string;
  readonly mode: 'header' | 'uri' | 'wildcard';
  readonly address?: string;
  readonly long?: boolean;
}

function addSign(program: Command, host: Host): void {
  program
    .command('sign')
    .description('print a signed route to a port of a sandbox')
    .requiredOption('--key-id <id>', 'the key that signs')
    .requiredOption('--key-file <path>', 'file with keys, as --secure-access-keys-file takes it')
    .requiredOption('--sandbox <id>', 'the sandbox')
    .requiredOption('--port <number>', 'its port', portNumber)
    .option('--expires <seconds>', 'Unix time until which the route is good')
    .option('--ttl <time>', 'the same from now on: 90s, 15m, 12h, 7d')
    .addOption(
      new Option('--mode <mode>', 'the mode of the gateway')
        .choices(['header', 'uri', 'wildcard'])
        .default('header'),
    )
    .option('--address <address>', 'address of the gateway: prints what to open, not just the token')
    .option('--long', 'a signature of 128 bits that only this gateway knows; not for host names')
    .allowExcessArguments(false)
    .action((flags: SignFlags) => {
      for (const line of sign(host, flags)) host.stdout.write(`${line}\n`);
    });
}

function sign(host: Host, flags: SignFlags): readonly string[] {
  const keyList = host.readFile(flags.keyFile);
  if (keyList === undefined) throw usage(`--key-file: there is no file ${flags.keyFile}.`);
  const nowSeconds = BigInt(Math.floor(host.clock.now() / 1000));
  return signedRoute({
    keyId: flags.keyId,
    keyList,
    sandboxId: flags.sandbox,
    port: flags.port,
    expires: expiryOf(flags, nowSeconds),
    form: flags.long === true ? 'long' : 'short',
    mode: flags.mode,
    address: flags.address,
  });
}

function expiryOf({ expires, ttl }: SignFlags, nowSeconds: bigint): bigint {
  if ((expires === undefined) === (ttl === undefined)) throw usage('Give either --expires or --ttl.');
  return expires === undefined ? nowSeconds + parseTtl(ttl ?? '') : parseExpires(expires, nowSeconds);
}

function usage(message: string): Fault {
  return new Fault('invalid', 'flags.invalid', message);
}
