import { buildProgram } from './program.ts';
import { UserError } from './user-error.ts';

try {
  await buildProgram().parseAsync();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(`unkai: ${error.message}`);
  process.exitCode = error.exitCode;
}
