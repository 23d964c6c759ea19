import { buildProgram } from './program.ts';
import { UserError } from './user-error.ts';

// Who reads our words may stop reading (`| head`): what is under way goes on to its orderly end.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  await buildProgram().parseAsync();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`unkai: ${error.message}`);
  process.exitCode = error.exitCode;
}
