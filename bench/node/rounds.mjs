// Interleaved rounds, as in native/src/rounds.rs.

// Long enough for 64 in flight to come round many times. `longer`: so many times as long, and as
// many fewer.
export function effort(longer = 1) {
  const rounds = process.argv.includes('--quick') ? 20 : 100;
  return { rounds: Math.ceil(rounds / longer), millis: 15 * longer };
}

// `subjects`: by name, a function that does an operation so many times, synchronously or not.
// Gives nanoseconds an operation, by name and round; what `empty` takes is subtracted.
export async function rounds(subjects, { rounds: count, millis }, empty = () => {}) {
  const list = [];
  for (const [name, many] of Object.entries(subjects)) {
    // Longer than a sample before anything counts: V8 optimises what has run for a while.
    const times = await calibrate(many, millis);
    await many(times);
    list.push({ name, many, times: await calibrate(many, millis, times), samples: [] });
  }
  for (let round = 0; round < count; round += 1) {
    const idle = await least(empty);
    for (let turn = 0; turn < list.length; turn += 1) {
      const { many, times, samples } = list[(turn + round) % list.length];
      samples.push(((await time(many, times)) - idle) / times);
    }
  }
  return Object.fromEntries(list.map(({ name, samples }) => [name, samples]));
}

async function calibrate(many, millis, from = 16) {
  for (let times = from; ; times *= 2) {
    const took = (await time(many, times)) / 1e6;
    if (took * 4 >= millis) return Math.max(1, Math.ceil((times * millis) / took));
  }
}

async function time(many, times) {
  const started = process.hrtime.bigint();
  await many(times);
  return Number(process.hrtime.bigint() - started);
}

// Of three: one that was held up would make everything else look faster.
async function least(work) {
  return Math.min(await time(work), await time(work), await time(work));
}
