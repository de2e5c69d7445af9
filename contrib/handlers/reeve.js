'use strict';
/*
 * Handlers of reeve in Node 14 or newer; needs nothing but this file. See docs/handlers.md.
 *
 *     const reeve = require('./reeve.js');
 *     reeve.work(async (task) => ({ said: task.payload.times }));
 *
 * Works with `protocol: exec` and `protocol: stream` alike: what is returned (or awaited) is the task's
 * result, what is thrown its failure.
 */
const { spawnSync } = require('child_process');
const fs = require('fs');
const net = require('net');
const { inspect } = require('util');

/** Try again after `delay` (seconds, or a text like "30s"), or when the queue's `retries` say. */
class Retry extends Error {
  constructor(delay, reason = 'try again') {
    super(reason);
    this.delay = delay;
  }
}
/** Failed for good. */
class Permanent extends Error {}
/** The task is not wanted any more, or the worker has to end. */
class Cancelled extends Error {}

/** The envelope's keys as properties: id, job_id, workflow, name, queue, attempt, payload, inputs, … */
class Task {
  constructor(wire, envelope) {
    Object.assign(this, envelope);
    Object.defineProperty(this, 'wire', { value: wire });
  }
  /** Starts a task of one of the names in `starts_parallel` or `starts_manually`. */
  spawn(task, payload) { this.say({ spawn: { task, payload } }); }
  progress(fraction, message) { this.say({ progress: fraction, message }); }
  /** A sign of life, for `heartbeat`. */
  beat() { this.say({ beat: true }); }
  /** Whether to stop soon. Of use between awaits; once asked, SIGTERM alone does not end the process. */
  get cancelled() { return this.wire.isCancelled(this.id); }
  say(message) { this.wire.say({ id: this.id, ...message }); }
}

/** A text that JSON takes: halves of characters are none. */
const clean = (text) => Buffer.from(text).toString();

const duration = (value) => (typeof value === 'number' ? `${Math.round(value * 1000)}ms` : value);

function failure(task, error) {
  const reason = error instanceof Error ? error.message : typeof error === 'string' ? error : inspect(error);
  const told = { id: task.id, fail: clean(reason) };
  if (error instanceof Permanent) return { ...told, permanent: true };
  if (error instanceof Retry) return { ...told, retry_in: duration(error.delay) || true };
  if (error instanceof Cancelled || !(error instanceof Error)) return told;
  return { ...told, fail: `${error.name}: ${told.fail}`, backtrace: clean(String(error.stack).slice(0, 16000)) };
}

async function attempt(wire, task, handler) {
  try {
    const result = await handler(task);
    wire.say({ id: task.id, done: result === undefined ? null : result });
    return true;
  } catch (error) {
    wire.say(failure(task, error));
    return false;
  }
}

/** A process for one task: the envelope on standard input, messages on a pipe. */
class Exec {
  constructor() {
    this.fd = Number(process.env.REEVE_FD);
  }
  say(message) {
    const line = Buffer.from(`${JSON.stringify(message)}\n`);
    for (let sent = 0; sent < line.length;) sent += fs.writeSync(this.fd, line, sent);
  }
  isCancelled() {
    if (this.told === undefined) {
      this.told = false;
      process.on('SIGTERM', () => { this.told = true; });
    }
    return this.told;
  }
  async work(handler) {
    const task = new Task(this, JSON.parse(fs.readFileSync(0, 'utf8')));
    process.exit((await attempt(this, task, handler)) ? 0 : 1); // whatever is still open
  }
}

/** A process for many tasks: lines of JSON both ways on a socket. */
class Stream {
  constructor() {
    this.socket = new net.Socket({ fd: Number(process.env.REEVE_FD), readable: true, writable: true });
    this.parts = [];
    this.cancelled = new Set();
    this.tasks = Promise.resolve();
  }
  say(message) { this.socket.write(`${JSON.stringify(message)}\n`); }
  isCancelled(id) { return this.stops || this.cancelled.has(id); }
  work(handler) {
    this.socket.on('data', (part) => this.read(part, handler));
    this.socket.on('end', () => this.stop());
    this.socket.on('error', () => process.exit(1));
    this.say({ ready: true });
  }
  read(part, handler) {
    for (let end; (end = part.indexOf(10)) >= 0; part = part.subarray(end + 1)) {
      const line = Buffer.concat([...this.parts, part.subarray(0, end)]).toString();
      this.parts = [];
      this.obey(JSON.parse(line), handler);
    }
    if (part.length) this.parts.push(part);
  }
  obey(message, handler) {
    if (message.stop) this.stop();
    if (message.cancel) this.cancelled.add(message.cancel);
    if (!message.task) return;
    this.cancelled.clear();
    this.tasks = this.tasks.then(() => attempt(this, new Task(this, message.task), handler));
  }
  stop() {
    this.stops = true;
    this.tasks.then(() => this.socket.end(() => process.exit(0)));
  }
}

function command(verb, words, payload, options) {
  const file = process.env.REEVE_CONFIG;
  const argv = [...(file ? ['-c', file] : []), verb, ...words];
  for (const [name, value] of Object.entries(options))
    if (value !== undefined) argv.push(`--${name}`, String(value));
  const told = spawnSync(process.env.REEVE_BIN || 'reeve', argv, { input: JSON.stringify(payload), encoding: 'utf8' });
  if (told.error && told.error.code !== 'EPIPE') throw told.error; // it may have refused before it read all
  if (told.status !== 0) throw new Error(`reeve ${verb}: ${told.stderr.trim()}`);
  return told.stdout.trim();
}

module.exports = {
  Retry, Permanent, Cancelled,
  /** Hands each task to the function. */
  work(handler) { return (process.env.REEVE_TASK_ID === undefined ? new Stream() : new Exec()).work(handler); },
  /** Pushes one task and answers its id. The command is REEVE_BIN or reeve, its file REEVE_CONFIG. */
  push(queue, payload = {}, { task, delay, priority, key } = {}) {
    return command('push', [queue, '-'], payload, { task, delay: duration(delay), priority, key });
  },
  /** Starts a job and answers its id. */
  start(workflow, payload = {}, { key } = {}) {
    return command('start', [workflow, '--payload', '-'], payload, { key });
  },
};
