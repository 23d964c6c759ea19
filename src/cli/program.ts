import { Command, InvalidArgumentError, Option } from 'commander';
import { defaultDataDir, defaultListen, defaultPort, version } from './defaults.ts';
import { reliabilityCommands } from './reliability-commands.ts';

/** The command line. What a command does is loaded when it runs, so that help and small commands are quick. */
export function buildProgram(): Command {
  const program = new Command('unkai')
    .description(
      'A whole private cloud in one program: real virtual machines behind the OpenStack, K5 and ZStack APIs.',
    )
    .version(version)
    .showHelpAfterError('(unkai help COMMAND tells more)')
    .enablePositionalOptions();
  for (const add of [addUp, addDown, addStatus, addOpenrc, addDoctor, addDemo, addTest, addConformance]) add(program);
  for (const add of reliabilityCommands) add(program);
  program.addHelpText('after', '\nBegin with:  unkai up   then, in another terminal:  eval "$(unkai openrc)"');
  return program;
}

function addUp(program: Command): void {
  program
    .command('up')
    .summary('start the cloud')
    .description(
      'Starts the cloud: on this machine, with all that it needs. What is missing (QEMU, packages for TinyLinux) ' +
        'is installed first, where that is possible. Runs until it is stopped by Ctrl-C or `unkai down`; virtual ' +
        'machines go on running without it, and are found again at the next start.',
    )
    .addOption(dataDir())
    .option('-p, --port <n>', 'port of every API', port, defaultPort)
    .option('-l, --listen <address>', 'address to listen on; 0.0.0.0 for all', defaultListen)
    .addOption(
      hypervisor('how virtual machines are run; simulated ones are records only (default: as before, at first qemu)'),
    )
    .addOption(
      new Option(
        '--hosts <n>',
        'into how many hypervisor hosts the machine is divided (default: as before, at first 1)',
      )
        .argParser(hostCount)
        .env('UNKAI_HOSTS'),
    )
    .addOption(
      new Option(
        '--zones <names>',
        'availability zones of new hosts, in the order of the hosts and over again, as tokyo,osaka; hosts that are there ' +
          'stay where they are (default: as before, at first nova)',
      )
        .argParser(zoneNames)
        .env('UNKAI_ZONES'),
    )
    .addOption(network())
    .addOption(
      new Option(
        '--host-networks <kind>',
        'how hosts of this machine have networks in common: over the same bridges, or each with its own, joined by ' +
          'VXLAN as on several machines (default: as before, at first shared)',
      )
        .choices(['shared', 'vxlan'])
        .env('UNKAI_HOST_NETWORKS'),
    )
    .addOption(
      new Option(
        '--tunnel-address <address>',
        'the IPv4 address of this machine at which hosts on other machines reach it: then there can be such ' +
          '(AddKVMHost), and networks go on there by VXLAN; or none (default: as before, at first none)',
      ).env('UNKAI_TUNNEL_ADDRESS'),
    )
    .addOption(database())
    .option(
      '--store <spec>',
      'another image store, as name=far,zone=zone-2,url=s3://bucket?endpoint=http://host:port, url=ceph://pool?conf=/etc/ceph/ceph.conf or ' +
        'url=sftp://user@host:22/folder?key=/path (may be repeated; it stays part of the cloud)',
      (text: string, before: string[]) => [...before, text],
      [],
    )
    .option(
      '--readmit-host <name>',
      'a host that comes back though it was taken out of the cloud (may be repeated)',
      (text: string, before: string[]) => [...before, text],
      [],
    )
    .addOption(
      new Option(
        '--reclaim-interval <seconds>',
        'how long deleted servers can be restored; 0 for not at all (default: as before, at first 0)',
      )
        .argParser(seconds)
        .env('UNKAI_RECLAIM_INTERVAL'),
    )
    .addOption(
      new Option(
        '--resize-confirm-window <seconds>',
        'after how long a resize counts as confirmed; 0 for never (default: as before, at first 0)',
      )
        .argParser(seconds)
        .env('UNKAI_RESIZE_CONFIRM_WINDOW'),
    )
    .addOption(
      new Option(
        '--live-migration-bandwidth <MiB/s>',
        'how fast guests move to other hosts while they run; 0 for no limit (default: as before, at first 0)',
      )
        .argParser(mebibytesPerSecond)
        .env('UNKAI_LIVE_MIGRATION_BANDWIDTH'),
    )
    .addOption(
      new Option(
        '--image-cache <GiB>',
        'how much of images a host keeps; 0 for no limit (default: as before, at first 100)',
      )
        .argParser(gibibytes)
        .env('UNKAI_IMAGE_CACHE'),
    )
    .addOption(
      new Option(
        '--resume-guests <yes|no>',
        'whether guests run again once their host is back from a power loss (default: as before, at first no)',
      )
        .choices(['yes', 'no'])
        .env('UNKAI_RESUME_GUESTS'),
    )
    .addOption(
      new Option(
        '--inner-image-sources <whose>',
        'whose imports may fetch images from inner networks and any port (default: as before, at first admins)',
      )
        .choices(['nobody', 'admins', 'everyone'])
        .env('UNKAI_INNER_IMAGE_SOURCES'),
    )
    .addOption(
      new Option('--region <name>', "the region's name in the catalog (default: as before, at first RegionOne)").env(
        'UNKAI_REGION',
      ),
    )
    .addOption(
      new Option(
        '--token-key <file>',
        'with what tokens are signed: clouds with the same file take the tokens of each other (default: as before, at ' +
          'first a key that the cloud makes up)',
      ).env('UNKAI_TOKEN_KEY'),
    )
    .addOption(
      new Option(
        '--secret-keys <file>',
        'with what secrets in the database are encrypted: keys, one on a line, of which the first encrypts and all decrypt; ' +
          'the same for every process of a cloud (default: as before, at first a file of the data folder, with PostgreSQL none)',
      ).env('UNKAI_SECRET_KEYS'),
    )
    .option(
      '--security-compliance <rule>',
      "what is asked of passwords and sign-ins, by Keystone's names, as lockout_failure_attempts=5 or " +
        'password_expires_days=90; nothing after the = takes a rule away (may be repeated; it stays part of the cloud)',
      (text: string, before: string[]) => [...before, text],
      [],
    )
    .option('--enable-faults', 'let administrators make things go wrong on purpose (unkai faults)', false)
    .option('-d, --detach', 'go on in the background once the cloud is ready', false)
    .addOption(new Option('--background').hideHelp().default(false))
    .action(async (options) => (await import('./commands/up.ts')).up(options));
}

/** One machine is divided into so many hosts at the most. */
const maxHosts = 16;

function hostCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= maxHosts) return count;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${maxHosts}.`);
}

/** As Nova has them: it is `zone:host` that asks for a host. */
function zoneNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => name !== '' && name.length <= 255 && !/[:+=]/.test(name))) return names;
  throw new InvalidArgumentError('It must be names with commas between them, without any of : + =');
}

function seconds(text: string): number {
  const count = Number(text);
  if (text !== '' && Number.isSafeInteger(count) && count >= 0) return count;
  throw new InvalidArgumentError('It must be a whole number of seconds.');
}

function gibibytes(text: string): number {
  const count = Number(text);
  if (text !== '' && Number.isSafeInteger(count) && count >= 0) return count;
  throw new InvalidArgumentError('It must be a whole number of GiB.');
}

function mebibytesPerSecond(text: string): number {
  const count = Number(text);
  if (text !== '' && Number.isSafeInteger(count) && count >= 0 && count < 2 ** 20) return count;
  throw new InvalidArgumentError('It must be a whole number of MiB per second.');
}

function addDown(program: Command): void {
  program
    .command('down')
    .summary('stop the cloud; virtual machines go on running')
    .description(
      'Stops the control plane. Virtual machines go on running, and are found again at the next start, unless ' +
        '--guests says to stop them too: then every one is asked to shut down, and ended when it does not.',
    )
    .addOption(dataDir())
    .option('--guests', 'stop all virtual machines as well', false)
    .action(async (options) => (await import('./commands/down.ts')).down(options));
}

function addStatus(program: Command): void {
  program
    .command('status')
    .summary('tell whether the cloud runs, and what is in it')
    .description(
      'Tells whether the cloud runs, where, and how it is. Exit code 0 when it is ready, 3 when it does not run.',
    )
    .addOption(dataDir())
    .option('--json', 'print JSON', false)
    .action(async (options) => (await import('./commands/status.ts')).status(options));
}

function addOpenrc(program: Command): void {
  program
    .command('openrc')
    .summary('print what clients need to sign in as administrator')
    .description(
      'Prints shell lines that set the variables of OpenStack clients. Use them with:  eval "$(unkai ' +
        'openrc)"\nFor other dialects it prints how to sign in with curl.',
    )
    .addOption(dataDir())
    .addOption(
      new Option('--dialect <name>', 'whose sign-in to show')
        .choices(['openstack', 'k5', 'zstack'])
        .default('openstack'),
    )
    .action(async (options) => (await import('./commands/openrc.ts')).openrc(options));
}

function addDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('look for what is missing or wrong, and say what helps')
    .description(
      'Looks at this machine and this cloud: programs, whether KVM really runs code, disk space, the port, the ' +
        'database, the running cloud. Exit code 1 when something needs attention before the cloud can work.',
    )
    .addOption(dataDir())
    .option('-p, --port <n>', 'port to look at', port, defaultPort)
    .option('-l, --listen <address>', 'address to look at', defaultListen)
    .addOption(database())
    .option('--audit', 'hold the database against what hosts and image stores really have', false)
    .option('--json', 'print JSON', false)
    .action(async (options) => (await import('./commands/doctor.ts')).doctor(options));
}

function addDemo(program: Command): void {
  program
    .command('demo')
    .summary('a tour: real servers, through the public APIs')
    .description(
      'Shows what the cloud does, step by step, through its public APIs alone. Uses the cloud that runs, or ' +
        'starts one of its own in a temporary folder and removes it afterwards. Exit code 1 when a step fails.',
    )
    .addOption(dataDir())
    .addOption(hypervisor("for a cloud of the tour's own").default('qemu'))
    .option('--own', 'start a cloud of its own even if one runs', false)
    .action(async (options) => (await import('./commands/demo.ts')).demo(options));
}

function addTest(program: Command): void {
  program
    .command('test')
    .summary('check formatting and types, and run all tests')
    .description(
      'Runs the tests, on SQLite and on a PostgreSQL of its own. Arguments go to vitest, and then only what they ' +
        'name is run:\n  unkai test src/actions -t serialises\nThe last line is: N passed, N failed',
    )
    .option(
      '--stores',
      'the tests of image stores only, or those that are named, against a real S3 server, a real Ceph and a real SFTP server: what is missing is brought, and none is skipped',
      false,
    )
    .option('--interop', "OpenStack's required tests as well, on real guests, where Tempest can be had", false)
    .argument('[arguments...]', 'files, folders and options for vitest')
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (args: string[], options) => (await import('./commands/test.ts')).test(args, options));
}

function addConformance(program: Command): void {
  program
    .command('conformance')
    .summary("hold the cloud against OpenStack's own tests")
    .description(
      "Runs Tempest, the OpenStack community's tests, against the cloud that runs, or one of its own in a temporary " +
        'folder. Installs Tempest first. Exit code 0 when all that ran passed. Without a choice it runs --interop.\n' +
        "With --zstack it holds the cloud against ZStack's clients: requests signed as its SDKs sign them, and its " +
        'Terraform provider, where UNKAI_ZSTACK_PROVIDER names that program, and its Java SDK, where ' +
        'UNKAI_ZSTACK_JAVA_SDK names a JAR of it.',
    )
    .addOption(dataDir())
    .addOption(hypervisor('for a cloud of its own').default('qemu'))
    .option('--own', 'start a cloud of its own even if one runs', false)
    .addOption(
      new Option('--interop', 'the 228 required tests of OpenStack Powered Compute').default(false).conflicts('full'),
    )
    .option('--full', 'all API tests of the services that there are, and the scenarios', false)
    .addOption(new Option('--only <regex>', 'tests whose names match').conflicts(['interop', 'full']))
    .addOption(
      new Option(
        '--zstack',
        "ZStack's clients in the place of Tempest: signed requests, its Java SDK and Terraform provider",
      )
        .default(false)
        .conflicts(['interop', 'full', 'only']),
    )
    .option('--exclude <regex>', 'but not these')
    .option('--table <reports...>', 'run nothing: put reports of earlier runs into the tables of the documents')
    .option('--concurrency <n>', 'how many tests run at the same time', count, 2)
    .option('--second-try', 'run once more what failed, and say what passes then', false)
    .option('--output <file>', 'where the report goes, as JSON (default: beside its log, in var/conformance)')
    .action(async (options) => (await import('./commands/conformance.ts')).conformance(options));
}

function dataDir(): Option {
  return new Option('--data-dir <dir>', 'where the cloud keeps everything')
    .env('UNKAI_DATA_DIR')
    .default(defaultDataDir);
}

function hypervisor(description: string): Option {
  return new Option('--hypervisor <kind>', description).choices(['qemu', 'simulated']).env('UNKAI_HYPERVISOR');
}

function network(): Option {
  return new Option(
    '--network <kind>',
    'how guests get their networks (default: bridge where this machine can, else user)',
  )
    .choices(['bridge', 'user'])
    .env('UNKAI_NETWORK');
}

function database(): Option {
  return new Option('--database <url>', 'postgres://… (default: as before, at first SQLite in the data folder)')
    .env('UNKAI_DATABASE')
    .argParser(postgresUrl);
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65535) return value;
  throw new InvalidArgumentError('A port is a number from 0 (any free one) to 65535.');
}

function count(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Give a number from 1 to 99.');
}

function postgresUrl(text: string): string {
  if (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('Give a URL like postgres://user:password@host/database');
}
