import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultDataDir } from './defaults.ts';

/** The commands of those who test the cloud, or their automation against it. */
export const reliabilityCommands: ReadonlyArray<(program: Command) => void> = [
  addState,
  addFaults,
  addLeftovers,
  addSimulate,
];

function addState(program: Command): void {
  const state = program
    .command('state')
    .summary('save the cloud as it is, and bring it back')
    .description(
      'Saves the cloud (database, disks, images) under a name, brings it back to that, or empties it, as between the ' +
        'tests of a suite. For clouds on SQLite. No virtual machine may run: unkai down --guests',
    );
  state
    .command('save')
    .summary('save the cloud; it may go on running')
    .argument('<name>')
    .addOption(dataDir())
    .action(async (name, options) => (await import('./commands/state.ts')).saveState(name, options));
  state
    .command('load')
    .summary('bring a stopped cloud back to what was saved')
    .argument('<name>')
    .addOption(dataDir())
    .action(async (name, options) => (await import('./commands/state.ts')).loadState(name, options));
  state
    .command('list')
    .summary('show what is saved')
    .addOption(dataDir())
    .action(async (options) => (await import('./commands/state.ts')).listStates(options));
  state
    .command('reset')
    .summary('empty a stopped cloud')
    .addOption(dataDir())
    .action(async (options) => (await import('./commands/state.ts')).resetState(options));
}

function addFaults(program: Command): void {
  const faults = program
    .command('faults')
    .summary('make things go wrong on purpose')
    .description(
      'Lets automation meet what production does to it. The cloud has to be started with: unkai up --enable-faults',
    );
  faults
    .command('add')
    .summary('let something go wrong from now on')
    .description(
      'delay: it takes longer. error: it fails. stuck: an action stands still until the fault is removed or its ' +
        'resource deleted. lost-host: a host does not answer, its guests go on.\n\n' +
        '  unkai faults add stuck --operation server.create --name "web-*" --times 1\n' +
        '  unkai faults add error --operation CreateServer --code quota_exceeded\n' +
        '  unkai faults add lost-host --host "*"',
    )
    .addOption(dataDir())
    .argument('<effect>', 'delay, error, stuck or lost-host')
    .option('--operation <pattern>', 'of an API (CreateServer, compute.*) or a kind of action (server.create)')
    .option('--project <name>', 'only in this project; name or id')
    .option('--name <pattern>', 'only servers, volumes and images of such a name')
    .option('--host <pattern>', 'the host that is lost')
    .option('--step <name>', 'of an action: before which step, as startGuest')
    .option('--delay <seconds>', 'how long a delay is', seconds)
    .option('--code <code>', 'what an error is: conflict, quota_exceeded, no_valid_host, unavailable, internal, …')
    .option('--message <text>', 'what an error says')
    .option('--times <n>', 'how often it happens (default: always)', positive)
    .action(async (effect, options) => (await import('./commands/faults.ts')).addFault(effect, options));
  faults
    .command('list')
    .summary('show what is made to go wrong')
    .addOption(dataDir())
    .action(async (options) => (await import('./commands/faults.ts')).listFaults(options));
  faults
    .command('remove')
    .summary('let it go right again')
    .argument('<id...>', 'ids, or all')
    .addOption(dataDir())
    .action(async (ids, options) => (await import('./commands/faults.ts')).removeFaults(ids, options));
}

function addLeftovers(program: Command): void {
  program
    .command('leftovers')
    .summary('list what was made and is still there')
    .description(
      'Lists all servers, volumes, images, networks and so on, of every project, that were made since a moment and ' +
        'are still there: what a run of tests has left. Exit code 1 when there is something.',
    )
    .addOption(dataDir())
    .requiredOption('--since <time>', 'a time (2026-11-21T10:00:00Z), or how long ago (90s, 10m, 2h)')
    .option('--json', 'print JSON', false)
    .action(async (options) => (await import('./commands/leftovers.ts')).leftovers(options));
}

function addSimulate(program: Command): void {
  program
    .command('simulate')
    .summary('run a cloud under virtual time, in which all sorts of things go wrong')
    .description(
      'Runs the whole engine with three simulated hosts in one process, under virtual time. The seed decides what is ' +
        'asked, and when which host, message, disk or control plane fails; the same seed gives the same run. Exit code ' +
        '1 when a promise was broken.',
    )
    .option('--seed <n>', 'the first seed (default: by chance)', natural)
    .option('--seeds <n>', 'how many seeds to run', positive, 1)
    .option('--hours <n>', 'of virtual time, for each', hours, 1)
    .option('--jobs <n>', 'how many seeds to run at the same time', positive, 1)
    .addOption(new Option('--trace', 'print all that happens').default(false).implies({ jobs: 1 }))
    .addOption(new Option('--json', 'print JSON').default(false).conflicts('trace'))
    .action(async (options) => (await import('./commands/simulate.ts')).simulate(options));
}

function dataDir(): Option {
  return new Option('--data-dir <dir>', 'where the cloud keeps everything')
    .env('UNKAI_DATA_DIR')
    .default(defaultDataDir);
}

function natural(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number from 0.');
}

function positive(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a whole number from 1.');
}

function hours(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 10_000) return value;
  throw new InvalidArgumentError('Give a number of hours, as 0.5 or 24.');
}

function seconds(text: string): number {
  const value = Number(text);
  if (text !== '' && value >= 0 && value <= 86_400) return value;
  throw new InvalidArgumentError('Give seconds, up to a day.');
}
