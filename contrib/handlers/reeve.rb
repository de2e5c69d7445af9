# frozen_string_literal: true

# Handlers of reeve in Ruby 2.7 or newer; needs nothing but this file. See docs/handlers.md.
#
#   require_relative 'reeve'                  class Report < Reeve::Job
#   Reeve.work { |task|                         def perform
#     task.payload['times'].times { … }           output(payloads.map { |parent| parent[:output] })
#   }                                           end
#                                             end
#                                             Reeve.work(Report)
# Works with `protocol: exec` and `protocol: stream` alike: the block's value (or what a job puts out)
# is the task's result, what is raised its failure.
require 'io/wait'
require 'json'
require 'open3'

module Reeve
  # Try again after `delay` (seconds, or a text like "30s"), or when the queue's `retries` say.
  class Retry < StandardError
    attr_reader :delay

    def initialize(delay = nil, reason = 'try again')
      super(reason)
      @delay = delay
    end
  end

  # Failed for good.
  class Permanent < StandardError; end

  # The task is not wanted any more, or the worker has to end.
  class Cancelled < StandardError; end

  # One task; `task['workflow']` and the like give what has no reader.
  class Task
    attr_reader :envelope

    def initialize(wire, envelope)
      @wire = wire
      @envelope = envelope
    end

    %w[id job_id name queue attempt payload inputs trace].each do |key|
      define_method(key) { @envelope[key] }
    end

    def [](key)
      @envelope[key.to_s]
    end

    # Starts a task of one of the names in `starts_parallel` or `starts_manually`.
    def spawn(task, payload = nil)
      say('spawn' => payload.nil? ? { 'task' => task } : { 'task' => task, 'payload' => payload })
    end

    def progress(fraction, message = nil)
      say(message ? { 'progress' => fraction, 'message' => message } : { 'progress' => fraction })
    end

    # A sign of life, for `heartbeat`.
    def beat
      say('beat' => true)
    end

    # Whether to stop soon; a handler that has once asked is no longer ended by SIGTERM alone.
    def cancelled?
      @wire.cancelled?(id)
    end

    def say(message)
      @wire.say({ 'id' => id }.merge(message))
    end
  end

  # A class in Gush's shape: `perform` with `params`, `payloads` and `output`.
  class Job
    attr_reader :task, :result

    def initialize(task)
      @task = task
    end

    def perform; end

    # The payload, with symbols as keys.
    def params
      @params ||= Reeve.symbolize(task.payload)
    end

    # What the parents put out: [{ class: "Fetch", output: … }, …], in the order of their names.
    def payloads
      (task.inputs || {}).flat_map do |name, results|
        raise Permanent, "inputs over 1 MiB: ask for reeve results #{task.job_id} #{name}" if results.is_a?(Hash)

        results.map { |result| { class: name, output: Reeve.symbolize(result) } }
      end
    end

    def output(result)
      @result = result
    end

    def self.push(payload = {}, **options)
      Reeve.push(options.delete(:queue) || name, payload, task: name, **options)
    end
  end

  module_function

  # Hands tasks to the block, or to the Job class that has the task's name.
  def work(*jobs, &block)
    $stdout.sync = true
    wire = ENV.key?('REEVE_TASK_ID') ? Exec.new : Stream.new
    well = true
    wire.tasks { |envelope| well = attempt(wire, Task.new(wire, envelope), jobs, block) }
    exit(well || wire.is_a?(Stream) ? 0 : 1)
  end

  # Pushes one task and answers its id. The command is REEVE_BIN or reeve, its file REEVE_CONFIG.
  def push(queue, payload = {}, task: nil, delay: nil, priority: nil, key: nil)
    command('push', [queue, '-'], payload,
            '--task' => task, '--delay' => duration(delay), '--priority' => priority, '--key' => key)
  end

  # Starts a job and answers its id.
  def start(workflow, payload = {}, key: nil)
    command('start', [workflow, '--payload', '-'], payload, '--key' => key)
  end

  def command(verb, words, payload, options)
    argv = [ENV.fetch('REEVE_BIN', 'reeve')]
    argv += ['-c', ENV['REEVE_CONFIG']] if ENV['REEVE_CONFIG']
    argv += [verb] + words + options.compact.flat_map { |name, value| [name, value.to_s] }
    out, err, status = Open3.capture3([argv[0], argv[0]], *argv[1..], stdin_data: JSON.generate(payload))
    raise "reeve #{verb}: #{err.strip}" unless status.success?

    out.strip
  end

  def duration(value)
    value.is_a?(Numeric) ? "#{(value * 1000).round}ms" : value
  end

  def symbolize(value)
    case value
    when Hash then value.to_h { |key, inner| [key.to_sym, symbolize(inner)] }
    when Array then value.map { |inner| symbolize(inner) }
    else value
    end
  end

  def run(task, jobs, block)
    return block.call(task) if block

    job = jobs.size == 1 ? jobs.first : jobs.find { |one| one.name == task.name }
    raise Permanent, "no handler for a task named #{task.name}" unless job

    job = job.new(task)
    job.perform
    job.result
  end

  def attempt(wire, task, jobs, block)
    wire.say('id' => task.id, 'done' => run(task, jobs, block))
    true
  rescue StandardError, ScriptError, SystemStackError => e
    wire.say(failure(task, e))
    false
  end

  def failure(task, error)
    told = { 'id' => task.id, 'fail' => clean(error.message) }
    case error
    when Permanent then told.merge('permanent' => true)
    when Retry then told.merge('retry_in' => error.delay ? duration(error.delay) : true)
    when Cancelled then told
    else
      told.merge('fail' => "#{error.class}: #{told['fail']}",
                 'backtrace' => clean((error.backtrace || []).join("\n")[0, 16_000]))
    end
  end

  # A text that JSON takes, whatever bytes are in it.
  def clean(text)
    text.dup.force_encoding('UTF-8').scrub('?')
  end

  # A process for one task: the envelope on standard input, messages on a pipe.
  class Exec
    def initialize
      @pipe = IO.for_fd(ENV['REEVE_FD'].to_i, 'w')
      @pipe.sync = true
    end

    def tasks
      yield JSON.parse($stdin.binmode.read.force_encoding('UTF-8'))
    end

    def say(message)
      @pipe.write("#{JSON.generate(message)}\n")
    end

    def cancelled?(_id)
      @listens ||= trap('TERM') { @told = true } || true
      @told
    end
  end

  # A process for many tasks: lines of JSON both ways on a socket.
  class Stream
    def initialize
      @socket = IO.for_fd(ENV['REEVE_FD'].to_i, 'r+')
      @socket.sync = true
      @lines = []
      @rest = ''.b
      @cancelled = []
    end

    def say(message)
      @socket.write("#{JSON.generate(message)}\n")
    end

    def tasks
      say('ready' => true)
      loop do
        return if @lines.empty? && !read
        next if @lines.empty?

        message = JSON.parse(@lines.shift)
        return if message['stop']

        @cancelled.clear
        yield message['task'] if message['task']
      end
    end

    def cancelled?(id)
      nil while @socket.wait_readable(0) && read
      cancels, @lines = @lines.partition { |line| JSON.parse(line).key?('cancel') }
      @cancelled += cancels.map { |line| JSON.parse(line)['cancel'] }
      @cancelled.include?(id) || @lines.any? { |line| JSON.parse(line)['stop'] }
    end

    private

    def read
      part = @socket.readpartial(65_536)
      @rest << part.b
      return true unless part.include?("\n")

      *whole, @rest = @rest.split("\n", -1)
      @lines += whole.map { |line| line.force_encoding('UTF-8') }
      true
    rescue EOFError
      false
    end
  end
end
