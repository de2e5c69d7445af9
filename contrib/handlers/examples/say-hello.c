/* Qyu's say-hello in C: cc -o say-hello say-hello.c */
#include "../reeve.h"

static int hello(struct reeve_task *task)
{
	int times = (int)reeve_number(task, "payload.times", -1);
	if (times < 0)
		return reeve_permanent(task, "times is missing");
	for (int i = 1; i <= times; i++)
		printf("%d. Hello\n", i);
	return reeve_done(task, "{\"said\":%d}", times);
}

int main(void)
{
	return reeve_work(hello);
}
