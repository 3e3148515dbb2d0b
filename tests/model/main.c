#include "explore.h"

int main(int argc, char **argv)
{
    return explore(argc, argv);
}
