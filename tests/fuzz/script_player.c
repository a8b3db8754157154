/*
 * Plays a script of calls on a machine and checks the core after each line.
 *
 * Here: the commands of a script, and what must hold whatever was called. Not here: where scripts come from
 * (machine_scripts.py), and the policy with random answers, which is fuzz.c's.
 *
 * A line is a command and words `name=number`; a word that is left out is 0, or the core's default for a machine. Numbers
 * of memcgs, files, tasks and attachments are taken modulo those that there are, so that a script still means something
 * when lines are taken out of it. Each line that lets the policy answer has a seed of its own for the same reason.
 *
 * A call may be refused: any answer of the core is right as long as it stays consistent. What is wrong ends the
 * program with status 1 and a line on stderr; a line on stdout tells what the machine counted, for comparison.
 *
 * Usage: script_player FILE
 */
#include <stddef.h>
#include <sys/resource.h>

#define main fuzz_main
#include "../core/fuzz.c"
#undef main

#define MAX_WORDS 64
#define MAX_ROWS 16
#define MAX_SCRIPT_TASKS 16
#define MAX_RECORDS 4096
#define SECONDS 20 /* of processor time for one script; some hundredths are usual */
#define MAX_WORK UINT64_C(2000000) /* pages that reclaim may look at before nobody runs any more; the checked build
				      needs seconds for them */
#define RECORDS_BETWEEN_LOOKS 20
#define NS_PER_STEP UINT64_C(10000000000) /* of virtual time, on average, for a record or a page that it brings in: a
					     ladder of retries is far below, and a charge over memory.high waits 2 s */

struct member {
	const char *command, *name;
	size_t offset, bytes;
	int length;
};

struct player {
	struct rcl_machine *m;
	struct rcl_config config;
	struct rcl_node_config nodes[MAX_ROWS];
	struct rcl_swap_config swaps[MAX_ROWS];
	struct rcl_mapping mappings[MAX_ROWS];
	uint32_t nr_nodes, nr_swaps, nr_mappings, nr_memcgs, nr_files, nr_tasks, nr_attachments;
	uint32_t files[MAX_ROWS];
	uint32_t records[MAX_SCRIPT_TASKS][MAX_RECORDS];
	uint64_t counters[1 + MAX_ROWS][RCL_NR_COUNTERS];
	uint64_t clocks[MAX_SCRIPT_TASKS];
	uint64_t digest;
};

static struct {
	char *name;
	uint64_t value;
	int has_value;
} words[MAX_WORDS];
static int nr_words;

static uint64_t word(const char *name)
{
	for (int i = 0; i < nr_words; i++) {
		if (strcmp(words[i].name, name) == 0)
			return words[i].value;
	}
	return 0;
}

#include "player_tables.h"

static void wrong(const char *what, const char *name)
{
	fprintf(stderr, "%s: %s %s\n", current_test, what, name);
	exit(1);
}

/* Cut a line into its command and its words. */
static char *cut(char *line)
{
	char *command = strtok(line, " \n"), *text;

	nr_words = 0;
	while (command && (text = strtok(NULL, " \n"))) {
		char *equals = strchr(text, '=');

		if (!equals || nr_words == MAX_WORDS)
			wrong("no word of a script:", text);
		*equals = 0;
		words[nr_words].name = text;
		words[nr_words++].value = strtoull(equals + 1, NULL, 0);
	}
	return command;
}

/* Set the members of a struct that the line names; a row of numbers has the same number everywhere but in place 0. */
static void fill(const char *command, void *place)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		for (int w = 0; w < nr_words; w++) {
			if (strcmp(members[i].command, command) || strcmp(members[i].name, words[w].name))
				continue;
			for (int k = members[i].length > 1; k < members[i].length; k++)
				memcpy((char *)place + members[i].offset + (size_t)k * members[i].bytes, &words[w].value,
				       members[i].bytes);
			if (members[i].length == 1)
				memcpy((char *)place + members[i].offset, &words[w].value, members[i].bytes);
		}
	}
}

static void mix(struct player *p, uint64_t value)
{
	p->digest = (p->digest ^ value) * UINT64_C(0x100000001b3);
}

/* Of the pages that reclaim frees, each was scanned. */
static void check_steal(const uint64_t *counters)
{
	CHECK(counters[RCL_PGSTEAL_KSWAPD] <= counters[RCL_PGSCAN_KSWAPD]);
	CHECK(counters[RCL_PGSTEAL_DIRECT] <= counters[RCL_PGSCAN_DIRECT]);
	CHECK(counters[RCL_PGSTEAL_ANON] <= counters[RCL_PGSCAN_ANON]);
	CHECK(counters[RCL_PGSTEAL_FILE] <= counters[RCL_PGSCAN_FILE]);
}

/* Counters only grow; row 0 is the machine, the others are its nodes. */
static void check_counters(struct player *p)
{
	for (uint32_t row = 0; row <= p->nr_nodes; row++) {
		uint64_t now[RCL_NR_COUNTERS];

		CHECK_EQUAL(rcl_counters(p->m, row ? RCL_COUNT_NODE : RCL_COUNT_MACHINE, row ? row - 1 : 0, now), RCL_OK);
		for (int i = 0; i < RCL_NR_COUNTERS; i++) {
			CHECK(now[i] >= p->counters[row][i]);
			p->counters[row][i] = now[i];
			mix(p, now[i]);
		}
		check_steal(now);
	}
}

/* What a memcg uses is at least what its children use. */
static void check_memcgs(struct player *p)
{
	uint64_t of_children[64] = { 0 };
	struct rcl_memcg_info info;

	for (uint32_t i = p->nr_memcgs; i-- > 0;) {
		if (rcl_memcg_info(p->m, i, &info) != RCL_OK)
			continue;
		CHECK(info.usage_pages >= of_children[i]);
		CHECK(info.anon_pages + info.file_pages <= info.usage_pages);
		if (i)
			of_children[info.parent] += info.usage_pages;
		mix(p, info.usage_pages);
		mix(p, info.swap_pages);
	}
}

static void check_all(struct player *p)
{
	struct rcl_task_info info;

	check_machine(p->m);
	check_counters(p);
	check_memcgs(p);
	for (uint32_t task = 0; task < p->nr_tasks; task++) {
		CHECK_EQUAL(rcl_task_info(p->m, task, &info), RCL_OK);
		CHECK(info.clock_ns >= p->clocks[task]);
		CHECK(info.resident_pages + info.swapped_pages <= info.nr_mapped_pages);
		p->clocks[task] = info.clock_ns;
		mix(p, info.clock_ns);
		mix(p, info.nr_misses);
	}
}

/* The first line that is not about the machine itself builds it; 0: refused, as a wrong option should be. */
static int build(struct player *p)
{
	struct rcl_policy policy = { .name = "default", .ops = &default_ops };
	char error[256] = "";

	p->config.nr_nodes = p->nr_nodes;
	p->config.nodes = p->nodes;
	p->config.nr_swaps = p->nr_swaps;
	p->config.swaps = p->swaps;
	if (rcl_machine_create(&p->config, &p->m, error, sizeof(error)) != RCL_OK) {
		CHECK(error[0]);
		printf("refused: %s\n", error);
		return 0;
	}
	CHECK_EQUAL(rcl_set_default(p->m, &policy), RCL_OK);
	p->nr_memcgs = 1;
	return 1;
}

/* 1 where the line described the machine. */
static int describe(struct player *p, const char *command)
{
	if (strcmp(command, "machine") == 0)
		fill(command, &p->config);
	else if (strcmp(command, "costs") == 0)
		fill(command, &p->config.costs);
	else if (strcmp(command, "node") == 0 && p->nr_nodes < 4)
		fill(command, &p->nodes[p->nr_nodes++]);
	else if (strcmp(command, "swap") == 0 && p->nr_swaps < 4)
		fill(command, &p->swaps[p->nr_swaps++]);
	else
		return 0;
	return 1;
}

static void add_memcg(struct player *p)
{
	struct rcl_memcg_config config = { .max_pages = UINT64_MAX, .high_pages = UINT64_MAX, .swap_max_pages = UINT64_MAX,
					   .swappiness = 300 };
	uint32_t number;

	fill("memcg", &config);
	config.parent %= p->nr_memcgs;
	if (p->nr_memcgs < 32 && rcl_memcg_create(p->m, &config, &number) == RCL_OK)
		p->nr_memcgs = number + 1;
}

static void add_mapping(struct player *p)
{
	struct rcl_mapping *mapping = &p->mappings[p->nr_mappings];

	if (p->nr_mappings == MAX_ROWS)
		return;
	*mapping = (struct rcl_mapping){ 0 };
	fill("mapping", mapping);
	if (!p->nr_files)
		mapping->flags &= ~(uint32_t)RCL_MAPPING_FILE;
	if (mapping->flags & RCL_MAPPING_FILE)
		mapping->file = p->files[mapping->file % p->nr_files];
	p->nr_mappings++;
}

static void add_task(struct player *p)
{
	struct rcl_task_config config = { 0 };
	uint32_t number;

	fill("task", &config);
	config.memcg %= p->nr_memcgs;
	config.nid %= p->nr_nodes;
	config.nr_mappings = p->nr_mappings;
	config.mappings = p->mappings;
	config.nr_files = p->nr_files;
	config.files = p->files;
	if (p->nr_tasks < MAX_SCRIPT_TASKS && rcl_task_create(p->m, &config, &number) == RCL_OK)
		p->nr_tasks = number + 1;
	p->nr_mappings = 0;
}

static void feed(struct player *p)
{
	struct rcl_task_info info;
	uint32_t task = p->nr_tasks ? (uint32_t)(word("task") % p->nr_tasks) : 0;
	uint64_t nr = 1 + word("nr") % MAX_RECORDS, nr_taken = 0, hot = 1 + word("hot"), bad;

	if (!p->nr_tasks)
		return;
	CHECK_EQUAL(rcl_task_info(p->m, task, &info), RCL_OK);
	if (info.state != RCL_TASK_IDLE || info.nr_mapped_pages + info.nr_file_pages == 0)
		return;
	for (uint64_t i = 0; i < nr; i++) {
		int is_buffered = below(100) < word("buffered");
		uint64_t space = is_buffered ? info.nr_file_pages : info.nr_mapped_pages, page;

		if (space == 0)
			continue;
		page = below(100) < word("order") ? i % space : below(2) ? below(space) : below(hot < space ? hot : space);
		p->records[task][nr_taken++] = (uint32_t)page | (uint32_t)is_buffered << 30 |
					       (uint32_t)(below(100) < word("writes")) << 31 |
					       (uint32_t)(!is_buffered && below(100) < word("fetches")) << 29;
	}
	CHECK_EQUAL(rcl_task_feed(p->m, task, p->records[task], nr_taken, (int)word("last"), &bad), RCL_OK);
}

static int has_worked_enough(const struct player *p)
{
	return work_of(p->m) >= MAX_WORK;
}

static int stop(void *user, uint64_t nr_records)
{
	return has_worked_enough(user) || (word("stops") && nr_records % 100 < RECORDS_BETWEEN_LOOKS && below(20) == 0);
}

/* Forward progress: tasks run what they were given, in bounded virtual time. */
static void run(struct player *p)
{
	struct rcl_run_control control = { .progress = stop, .user = p, .progress_records = RECORDS_BETWEEN_LOOKS };
	uint64_t nr_before = 0, nr_after = 0, before = 0, after = 0;
	struct rcl_task_info info;

	for (uint32_t task = 0; task < p->nr_tasks; task++) {
		CHECK_EQUAL(rcl_task_info(p->m, task, &info), RCL_OK);
		nr_before += info.nr_records + info.nr_missed_pages;
		before = info.clock_ns > before ? info.clock_ns : before;
	}
	for (uint32_t i = 0; i <= p->nr_tasks && !has_worked_enough(p); i++)
		rcl_run(p->m, &control);
	for (uint32_t task = 0; task < p->nr_tasks; task++) {
		CHECK_EQUAL(rcl_task_info(p->m, task, &info), RCL_OK);
		nr_after += info.nr_records + info.nr_missed_pages;
		after = info.clock_ns > after ? info.clock_ns : after;
	}
	CHECK((after - before) / NS_PER_STEP <= nr_after - nr_before);
}

static void attach(struct player *p)
{
	attach_fuzz(p->m, p->nr_nodes, p->nr_memcgs);
	p->nr_attachments++;
}

/* Numbers of things become those of things that there are. */
static void wrap_numbers(struct player *p)
{
	static const char *const names[] = { "task", "memcg", "nid", "node", "file", "attachment" };
	const uint32_t counts[] = { p->nr_tasks, p->nr_memcgs, p->nr_nodes, p->nr_nodes, p->nr_files,
				    p->nr_attachments + 1 };

	for (int w = 0; w < nr_words; w++) {
		for (int i = 0; i < 6; i++) {
			if (strcmp(words[w].name, names[i]) == 0 && counts[i])
				words[w].value %= counts[i];
		}
	}
}

/* A call of the header, with a machine that is not running. */
static void call(struct player *p, const char *command)
{
	int status = RCL_OK;

	wrap_numbers(p);
	if (!any_call(p->m, command, &status))
		wrong("no command of a script:", command);
	mix(p, (uint64_t)status);
	if (strcmp(command, "rcl_file_create") == 0 && status == RCL_OK && p->nr_files < MAX_ROWS) {
		p->files[p->nr_files] = p->nr_files;
		p->nr_files++;
	}
}

static void play(struct player *p, const char *command)
{
	static const struct {
		const char *name;
		void (*play)(struct player *p);
	} commands[] = { { "memcg", add_memcg }, { "mapping", add_mapping }, { "task", add_task }, { "feed", feed },
			 { "run", run }, { "attach", attach } };

	rng = word("seed");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, command) == 0) {
			commands[i].play(p);
			return;
		}
	}
	if (strcmp(command, "detach") == 0) {
		wrap_numbers(p);
		rcl_detach(p->m, (uint32_t)word("attachment"));
	} else {
		call(p, command);
	}
}

static void play_script(struct player *p, FILE *script)
{
	static char line[1024], name[32];
	int nr_lines = 0;

	rcl_config_init(&p->config);
	while (fgets(line, sizeof(line), script)) {
		char *command;

		snprintf(name, sizeof(name), "line %d", ++nr_lines);
		current_test = name;
		command = line[0] == '#' ? NULL : cut(line);
		if (!command || (!p->m && describe(p, command)))
			continue;
		if (!p->m && !build(p))
			return;
		if (describe(p, command))
			continue;
		play(p, command);
		check_all(p);
	}
	current_test = "the end";
	for (uint32_t task = 0; p->m && task < p->nr_tasks; task++)
		rcl_task_exit(p->m, task);
	if (p->m)
		check_all(p);
}

int main(int argc, char **argv)
{
	static struct player p;
	const struct rlimit seconds = { SECONDS, SECONDS };
	FILE *script = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (!script) {
		fprintf(stderr, "usage: script_player FILE\n");
		return 2;
	}
	(void)fuzz_main;
	setrlimit(RLIMIT_CPU, &seconds);
	play_script(&p, script);
	printf("digest %016llx\n", (unsigned long long)p.digest);
	fclose(script);
	rcl_machine_free(p.m);
	return 0;
}
