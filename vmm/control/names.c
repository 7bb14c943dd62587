/* SPDX-License-Identifier: MIT */
#include "vmm/control/names.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/compiler.h"

/* The sea around a cay. */
static const char *const hows[] = {
	"blue", "bold",  "brave", "bright", "brisk", "calm",  "clear", "cool",  "deep",  "eager", "early",
	"fair", "fast",  "fine",  "fresh",  "glad",  "green", "keen",  "kind",  "late",  "light", "lucky",
	"mild", "neat",  "quick", "quiet",  "ready", "salty", "sandy", "sharp", "silky", "sleek", "small",
	"soft", "still", "sunny", "swift",  "tidal", "warm",  "white", "wide",  "windy", "wise",  "young",
};
static const char *const whats[] = {
	"anchor", "bay",  "beach",  "boat",  "breeze", "buoy",  "coral",  "cove",  "crab",   "current", "dolphin",
	"dune",   "eel",  "ferry",  "gull",  "harbor", "heron", "island", "kelp",  "lagoon", "lantern", "manta",
	"marlin", "mast", "mussel", "oar",   "otter",  "palm",  "pearl",  "perch", "pier",   "plover",  "reef",
	"sail",   "seal", "shell",  "shoal", "spray",  "surf",  "tern",   "tide",  "turtle", "wave",    "whale",
};

/* splitmix64: neighbouring inputs give unrelated outputs. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

void name_make_up(char *name, size_t room, unsigned try)
{
	struct timespec now;
	uint64_t r;

	clock_gettime(CLOCK_REALTIME, &now);
	r = mix((uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20 ^ (uint64_t)getpid() << 40 ^ try);
	if (try < 8)
		snprintf(name, room, "%s-%s", hows[r % ARRAY_SIZE(hows)], whats[(r >> 20) % ARRAY_SIZE(whats)]);
	else
		snprintf(name, room, "%s-%s-%u", hows[r % ARRAY_SIZE(hows)], whats[(r >> 20) % ARRAY_SIZE(whats)],
			 (unsigned)(r >> 40) % 10000);
}
