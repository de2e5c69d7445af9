<?php
/*
 * Handlers of reeve in PHP 7.4 or newer (cli); needs nothing but this file. See docs/handlers.md.
 *
 *     require 'reeve.php';
 *     reeve\work(function (reeve\Task $task) { return array_sum($task->payload['args']); });
 *
 * Works with `protocol: exec` and `protocol: stream` alike: what is returned is the task's result, what
 * is thrown its failure. JSON objects are arrays with keys; an empty one is `new stdClass`.
 */
namespace reeve;

/** Try again after $delay (seconds, or a text like "30s"), or when the queue's `retries` say. */
class Retry extends \Exception
{
    public $delay;

    public function __construct($delay = null, string $reason = 'try again')
    {
        parent::__construct($reason);
        $this->delay = $delay;
    }
}

/** Failed for good. */
class Permanent extends \Exception
{
}

/** The task is not wanted any more, or the worker has to end. */
class Cancelled extends \Exception
{
}

/** The envelope's keys as properties: id, job_id, workflow, name, queue, attempt, payload, inputs, … */
#[\AllowDynamicProperties]
class Task
{
    private $wire;

    public function __construct(Wire $wire, array $envelope)
    {
        $this->wire = $wire;
        foreach ($envelope as $key => $value) {
            $this->$key = $value;
        }
    }

    /** Starts a task of one of the names in `starts_parallel` or `starts_manually`. */
    public function spawn(string $task, $payload = null): void
    {
        $this->say(['spawn' => $payload === null ? ['task' => $task] : ['task' => $task, 'payload' => $payload]]);
    }

    public function progress(float $fraction, ?string $message = null): void
    {
        $this->say(['progress' => $fraction] + ($message === null ? [] : ['message' => $message]));
    }

    /** A sign of life, for `heartbeat`. */
    public function beat(): void
    {
        $this->say(['beat' => true]);
    }

    /** Whether to stop soon; a handler that has once asked is no longer ended by SIGTERM alone. */
    public function cancelled(): bool
    {
        return $this->wire->isCancelled($this->id);
    }

    private function say(array $message): void
    {
        $this->wire->say(['id' => $this->id] + $message);
    }
}

/** Hands each task to the function, which answers its result. */
function work(callable $handler): void
{
    set_error_handler(function ($level, $text, $file, $line) {
        if (error_reporting() & $level & ~(E_DEPRECATED | E_USER_DEPRECATED)) {
            throw new \ErrorException($text, 0, $level, $file, $line);
        }
        return false;
    });
    $wire = getenv('REEVE_TASK_ID') === false ? new Stream() : new Exec();
    $well = true;
    foreach ($wire->tasks() as $envelope) {
        $well = attempt($wire, new Task($wire, $envelope), $handler);
    }
    exit($well || $wire instanceof Stream ? 0 : 1);
}

/** Pushes one task and answers its id. The command is REEVE_BIN or reeve, its file REEVE_CONFIG. */
function push(string $queue, $payload = [], array $options = []): string
{
    return command('push', [$queue, '-'], $payload, $options);
}

/** Starts a job and answers its id. Options: key. */
function start(string $workflow, $payload = [], array $options = []): string
{
    return command('start', [$workflow, '--payload', '-'], $payload, $options);
}

/** Options of push: task, delay, priority, key. */
function command(string $verb, array $words, $payload, array $options): string
{
    $argv = [getenv('REEVE_BIN') ?: 'reeve'];
    if (getenv('REEVE_CONFIG')) {
        array_push($argv, '-c', getenv('REEVE_CONFIG'));
    }
    array_push($argv, $verb, ...$words);
    foreach ($options as $name => $value) {
        array_push($argv, "--$name", (string)($name === 'delay' ? duration($value) : $value));
    }
    $errors = tmpfile();
    $process = proc_open($argv, [['pipe', 'r'], ['pipe', 'w'], $errors], $pipes);
    if (!$process) {
        throw new \RuntimeException("reeve $verb: can't be started");
    }
    @fwrite($pipes[0], json($payload === [] ? new \stdClass() : $payload)); /* it may have refused by then */
    fclose($pipes[0]);
    $said = trim(stream_get_contents($pipes[1]));
    fclose($pipes[1]);
    if (proc_close($process) !== 0) {
        rewind($errors);
        throw new \RuntimeException("reeve $verb: " . trim(stream_get_contents($errors)));
    }
    return $said;
}

function duration($value): string
{
    return is_numeric($value) ? round($value * 1000) . 'ms' : $value;
}

function json($value): string
{
    return json_encode($value,
        JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION);
}

function attempt(Wire $wire, Task $task, callable $handler): bool
{
    try {
        $wire->say(['id' => $task->id, 'done' => $handler($task)]);
        return true;
    } catch (\Throwable $error) {
        $wire->say(failure($task, $error));
        return false;
    }
}

function failure(Task $task, \Throwable $error): array
{
    $told = ['id' => $task->id, 'fail' => utf8($error->getMessage())];
    if ($error instanceof Permanent) {
        return $told + ['permanent' => true];
    }
    if ($error instanceof Retry) {
        return $told + ['retry_in' => $error->delay === null ? true : duration($error->delay)];
    }
    if ($error instanceof Cancelled) {
        return $told;
    }
    $from = $error->getFile() . ':' . $error->getLine() . "\n" . $error->getTraceAsString();
    return ['fail' => get_class($error) . ': ' . utf8($error->getMessage()),
        'backtrace' => utf8(substr($from, 0, 16000))] + $told;
}

/** A text that json takes, whatever bytes are in it. */
function utf8(string $text): string
{
    return preg_match('//u', $text) ? $text : preg_replace('/[\x80-\xff]/', '?', $text);
}

abstract class Wire
{
    protected $fd;

    public function say(array $message): void
    {
        $line = json($message) . "\n";
        for ($sent = 0; $sent < strlen($line);) {
            $count = fwrite($this->fd, $sent ? substr($line, $sent) : $line);
            if (!$count) {
                exit(1); /* reeve is gone */
            }
            $sent += $count;
        }
    }

    abstract public function tasks(): iterable;

    abstract public function isCancelled(string $id): bool;
}

/** A process for one task: the envelope on standard input, messages on a pipe. */
class Exec extends Wire
{
    private $told = false, $listens = false;

    public function __construct()
    {
        $this->fd = fopen('php://fd/' . getenv('REEVE_FD'), 'w');
    }

    public function tasks(): iterable
    {
        yield json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
    }

    public function isCancelled(string $id): bool
    {
        if (!$this->listens && function_exists('pcntl_signal')) {
            pcntl_signal(SIGTERM, function () {
                $this->told = true;
            });
        }
        $this->listens = true;
        return function_exists('pcntl_signal_dispatch') && pcntl_signal_dispatch() && $this->told;
    }
}

/** A process for many tasks: lines of JSON both ways on a socket. */
class Stream extends Wire
{
    private $lines = [], $rest = '', $cancelled = [];

    public function __construct()
    {
        $this->fd = fopen('php://fd/' . getenv('REEVE_FD'), 'r+');
        stream_set_read_buffer($this->fd, 0);
        stream_set_write_buffer($this->fd, 0);
    }

    public function tasks(): iterable
    {
        $this->say(['ready' => true]);
        while ($this->lines || $this->read()) {
            if (!$this->lines) {
                continue;
            }
            $message = json_decode(array_shift($this->lines), true, 512, JSON_THROW_ON_ERROR);
            if (isset($message['stop'])) {
                return;
            }
            $this->cancelled = [];
            if (isset($message['task'])) {
                yield $message['task'];
            }
        }
    }

    public function isCancelled(string $id): bool
    {
        for (;;) {
            $ready = [$this->fd];
            $none = null;
            if (!stream_select($ready, $none, $none, 0) || !$this->read()) {
                break;
            }
        }
        $kept = [];
        $stops = false;
        foreach ($this->lines as $line) {
            $message = json_decode($line, true);
            $stops = $stops || isset($message['stop']);
            if (isset($message['cancel'])) {
                $this->cancelled[] = $message['cancel'];
            } else {
                $kept[] = $line;
            }
        }
        $this->lines = $kept;
        return $stops || in_array($id, $this->cancelled, true);
    }

    private function read(): bool
    {
        $part = fread($this->fd, 65536);
        if ($part === false || $part === '') {
            return false;
        }
        $this->rest .= $part;
        if (strpos($part, "\n") !== false) {
            $whole = explode("\n", $this->rest);
            $this->rest = array_pop($whole);
            array_push($this->lines, ...$whole);
        }
        return true;
    }
}
