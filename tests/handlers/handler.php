<?php
/* What tests/stories/clients.py asks of each client. */
require getenv('CLIENTS') . '/reeve.php';

function explode_here()
{
    throw new DomainException('bäng');
}

reeve\work(function (reeve\Task $task) {
    $value = $task->payload['value'] ?? null;
    switch ($task->payload['do']) {
        case 'spawn':
            $task->spawn('row', ['i' => 1]);
            $task->spawn('row', ['i' => 'ü']);
            return ['spawned' => 2];
        case 'progress':
            $task->progress(0.5, 'half');
            $task->beat();
            break;
        case 'permanent':
            throw new reeve\Permanent('never');
        case 'retry':
            if ($task->attempt === 1) {
                throw new reeve\Retry(0.1, 'later');
            }
            break;
        case 'again':
            if ($task->attempt === 1) {
                throw new reeve\Retry();
            }
            trigger_error('a deprecation fails nothing', E_USER_DEPRECATED);
            break;
        case 'say':
            echo 'said';
            break;
        case 'odd':
            throw new RuntimeException("no file \xff");
        case 'refused':
            reeve\push('rows', str_repeat('x', 3000000));
            break;
        case 'raise':
            explode_here();
            // no break: it throws
        case 'push':
            return [reeve\push('rows', $value, ['task' => 'row', 'delay' => 0.01]), reeve\start('rows', $value)];
        case 'wait':
            while (!$task->cancelled()) {
                touch("waiting.{$task->queue}");
                usleep(20000);
            }
            touch("cancelled.{$task->queue}");
            throw new reeve\Cancelled('cancelled');
    }
    return $value;
});
