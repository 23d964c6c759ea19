import { explainFailure } from './explain-failure.ts';
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
  const known = error instanceof UserError ? error : explainFailure(error);
  if (!known) throw error;
  console.error(`unkai: ${known.message}`);
  process.exitCode = known.exitCode;
}
