# Qyu's say-hello: a task {"times": 5} prints "1. Hello" … "5. Hello".
require_relative '../reeve'
include Reeve

work do |task|
  task.payload['times'].times { |i| puts "#{i + 1}. Hello" }
end
