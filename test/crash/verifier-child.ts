/** Answers one question after the other until the test disconnects. */
import type { Answer, Question } from './verifier.ts';
import { verify } from './verify.ts';

process.on('message', (question: Question) => {
  void answer(question).then((found) => process.send?.(found));
});

async function answer({ directory, told }: Question): Promise<Answer> {
  try {
    return { findings: await verify(directory, told) };
  } catch (error) {
    return {
      error: `the store cannot be read: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    };
  }
}
