#!/bin/sh
# Runs a command with servers of its own for a pair of store and broker; see stories/lib.sh and
# chaos.py for what it finds in its environment. The SQS emulator forgets its messages when it dies: they
# are sent again soon.
# usage: with_pair.sh sqlite|redis|postgres none|redis|sqs COMMAND…
set -eu
here=$(dirname "$0")
store=$1 broker=$2
shift 2

# The inner server's variable would hide the outer one's: each is kept under the name of its part.
case $broker in
none) ;;
redis) set -- sh "$here/with_redis.sh" sh -c 'REEVE_STORY_BROKER=$REEVE_TEST_REDIS
	REEVE_CHAOS_BROKER=$REEVE_TEST_REDIS/ REEVE_BROKER_DIR=$REEVE_TEST_REDIS_DIR
	export REEVE_STORY_BROKER REEVE_CHAOS_BROKER REEVE_BROKER_DIR; exec "$@"' sh "$@" ;;
sqs) set -- sh "$here/with_sqs.sh" sh -c 'REEVE_STORY_BROKER=$REEVE_TEST_SQS
	REEVE_CHAOS_BROKER="sqs://us-east-1/chaos-?resend=2s&endpoint=$REEVE_TEST_SQS" REEVE_BROKER_DIR=$REEVE_TEST_SQS_DIR
	export REEVE_STORY_BROKER REEVE_CHAOS_BROKER REEVE_BROKER_DIR; exec "$@"' sh "$@" ;;
*) echo "with_pair.sh: no broker $broker" >&2; exit 2 ;;
esac
case $store in
sqlite) ;;
redis) set -- sh "$here/with_redis.sh" sh -c 'REEVE_STORY_STORE=$REEVE_TEST_REDIS
	REEVE_CHAOS_STORE=$REEVE_TEST_REDIS/ REEVE_STORE_DIR=$REEVE_TEST_REDIS_DIR
	export REEVE_STORY_STORE REEVE_CHAOS_STORE REEVE_STORE_DIR; exec "$@"' sh "$@" ;;
postgres) set -- sh "$here/with_postgres.sh" sh -c 'REEVE_STORY_STORE=$REEVE_TEST_POSTGRES
	REEVE_CHAOS_STORE=$REEVE_TEST_POSTGRES REEVE_STORE_DIR=$REEVE_TEST_POSTGRES_DIR
	export REEVE_STORY_STORE REEVE_CHAOS_STORE REEVE_STORE_DIR; exec "$@"' sh "$@" ;;
*) echo "with_pair.sh: no store $store" >&2; exit 2 ;;
esac
exec "$@"
