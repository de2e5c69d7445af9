// Promises: the task is done when what the handler answers is.
const reeve = require('../reeve.js');

reeve.work(async (task) => {
  const sizes = await Promise.all(task.payload.files.map(async (file) => file.length));
  return { files: sizes.length, bytes: sizes.reduce((a, b) => a + b, 0) };
});
