/* See explore.c. */
#pragma once

int explore(int argc, char **argv); /* the arguments of the program; its exit status */
