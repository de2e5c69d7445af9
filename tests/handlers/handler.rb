# What tests/stories/clients.py asks of each client.
require File.join(ENV['CLIENTS'], 'reeve')

def explode
  raise ArgumentError, 'bäng'
end

Reeve.work do |task|
  value = task.payload['value']
  case task.payload['do']
  when 'spawn'
    task.spawn('row', { i: 1 })
    task.spawn('row', { i: 'ü' })
    next { spawned: 2 }
  when 'progress'
    task.progress(0.5, 'half')
    task.beat
  when 'permanent' then raise Reeve::Permanent, 'never'
  when 'retry' then raise Reeve::Retry.new(0.1, 'later') if task.attempt == 1
  when 'again' then raise Reeve::Retry if task.attempt == 1
  when 'say' then $stdout.write('said')
  when 'odd' then raise IOError, "no file \xff"
  when 'refused' then Reeve.push('rows', 'x' * 3_000_000)
  when 'raise' then explode
  when 'push' then next [Reeve.push('rows', value, task: 'row', delay: 0.01), Reeve.start('rows', value)]
  when 'wait'
    until task.cancelled?
      File.write("waiting.#{task.queue}", '')
      sleep 0.02
    end
    File.write("cancelled.#{task.queue}", '')
    raise Reeve::Cancelled, 'cancelled'
  end
  value
end
