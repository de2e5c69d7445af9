// What tests/stories/clients.py asks of each client.
const fs = require('fs');
const reeve = require(`${process.env.CLIENTS}/reeve.js`);

function explode() {
  throw new TypeError('bäng');
}

reeve.work(async (task) => {
  const { do: what, value = null } = task.payload;
  if (what === 'spawn') {
    task.spawn('row', { i: 1 });
    task.spawn('row', { i: 'ü' });
    return { spawned: 2 };
  }
  if (what === 'progress') {
    task.progress(0.5, 'half');
    task.beat();
  }
  if (what === 'permanent') throw new reeve.Permanent('never');
  if (what === 'retry' && task.attempt === 1) throw new reeve.Retry(0.1, 'later');
  if (what === 'again' && task.attempt === 1) throw new reeve.Retry();
  if (what === 'again') setInterval(() => {}, 1000); // what is still open keeps no task
  if (what === 'say') process.stdout.write('said');
  if (what === 'odd') throw new Error('no file \udcff');
  if (what === 'refused') reeve.push('rows', 'x'.repeat(3000000));
  if (what === 'raise') explode();
  if (what === 'push') return [reeve.push('rows', value, { task: 'row', delay: 0.01 }), reeve.start('rows', value)];
  if (what === 'wait') {
    while (!task.cancelled) {
      fs.writeFileSync(`waiting.${task.queue}`, '');
      await new Promise((done) => setTimeout(done, 20));
    }
    fs.writeFileSync(`cancelled.${task.queue}`, '');
    throw new reeve.Cancelled('cancelled');
  }
  return value;
});
