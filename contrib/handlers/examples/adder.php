<?php
/* SQJobs' adder in PHP: {"args": [1, 2, 3]} gives 6. */
require __DIR__ . '/../reeve.php';

reeve\work(function (reeve\Task $task) {
    return array_sum($task->payload['args']);
});
