import { Command, CommanderError, Option } from 'commander';
import { driverSections } from '../compose.ts';
import { keyTree } from '../config/key-tree.ts';
import { configSchema } from '../config/schema.ts';
import { doctor } from './doctor-command.ts';
import type { Host } from './host.ts';
import { EXAMPLES, initConfig } from './init-config.ts';
import type { ExampleKind } from './init-config.ts';
import { superviseReload } from './reload.ts';
import { serve } from './serve.ts';

const EXIT_USAGE = 2;

const DOCTOR_HELP = `
It reads the configuration and looks at the engine (DOCKER_HOST and Docker contexts count), the network, the agent,
the port, the database and the disks. Then it runs a container of some hundred bytes that listens, dials it the way
the server dials sandboxes, says which address it used, and removes it.

Ends with 1 when something failed. Every finding that is not ok says what to do.`;

/** Runs what the arguments ask for; resolves with the exit code. */
export async function runCommandLine(host: Host): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(host, (code) => (exitCode = code));
  try {
    await program.parseAsync([...host.args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
}

function buildProgram(host: Host, done: (code: number) => void): Command {
  const program = new Command('opensandbox-server')
    .description('The OpenSandbox control plane: creates, watches and ends sandboxes.')
    .option('--config <path>', 'configuration file (default: $SANDBOX_CONFIG_PATH, then ~/.sandbox.toml)')
    .option('--reload', 'development: start again when the configuration or the program changes')
    .version(host.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(true)
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      writeErr: (text) => void host.stderr.write(text),
    })
    .showHelpAfterError()
    .exitOverride();
  const global = (): { config?: string; reload?: boolean } => program.opts();
  const run = async (): Promise<void> => {
    const { config, reload } = global();
    done(await (reload === true ? superviseReload(host, config) : serve(host, config)));
  };
  program.allowExcessArguments().action(async () => {
    const [unknown] = program.args;
    if (unknown !== undefined) program.error(`error: unknown command '${unknown}'`);
    await run();
  });
  program
    .command('serve')
    .description('run the server (this is what happens without a command)')
    .allowExcessArguments(false)
    .action(run);
  addInitConfig(program, host, done);
  program
    .command('doctor')
    .allowExcessArguments(false)
    .description('check what this host needs to run the server, and say what to do')
    .option('--json', 'print the findings as JSON')
    .option('--no-container', 'do not run the container that shows whether sandboxes can be reached')
    .addHelpText('after', DOCTOR_HELP)
    .action(async (options: { json?: boolean; container: boolean }) => {
      const { container } = options;
      const request = { configPath: global().config, json: options.json === true, container };
      done(await doctor(host, request, new AbortController().signal));
    });
  program
    .command('quickstart')
    .allowExcessArguments(false)
    .description('start a server on loopback, run Python in a sandbox, and clean up')
    .option('--keep', 'keep serving until interrupted (default on a terminal)')
    .action(async (options: { keep?: boolean }) => {
      const { quickstart } = await import('../quickstart/quickstart.ts');
      done(await quickstart(host, { keep: options.keep ?? host.isInteractive }));
    });
  return program;
}

function addInitConfig(program: Command, host: Host, done: (code: number) => void): void {
  program
    .command('init-config')
    .allowExcessArguments(false)
    .description('write a configuration file to start from')
    .argument('[path]', 'file to write (default: ~/.sandbox.toml)')
    .addOption(
      new Option('--example <kind>', 'a working example instead of an empty skeleton').choices(EXAMPLES),
    )
    .option('--force', 'overwrite an existing file')
    .action((path: string | undefined, options: { example?: ExampleKind; force?: boolean }) => {
      const request = { path, example: options.example, force: options.force === true };
      done(
        initConfig(request, {
          homeDir: host.homeDir,
          examplesDir: host.examplesDir,
          tree: keyTree(configSchema(driverSections)),
          print: (text) => void host.stdout.write(text),
        }),
      );
    });
}
