package day

import (
	"context"
	"time"
)

// act is something that happens at an hour of the day, and what comes of it.
type act struct {
	at    string // 15:04
	title string
	run   func(ctx context.Context, w *world) error
}

// time is the act's hour on the day that is played.
func (a act) time() time.Time {
	at, err := time.Parse("15:04", a.at)
	if err != nil {
		panic("orders: " + err.Error())
	}
	midnight := opening().Truncate(24 * time.Hour)
	return midnight.Add(time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute)
}

// script is the day.
func script() []act {
	return []act{
		{"07:30", "The shop opens: templates of mails, and its customers", openShop},
		{"08:00", "A supplier's price list is uploaded, with three bad rows", importPriceList},
		{"08:45", "Two large imports run as workflows; the file of one is missing", importAsWorkflow},
		{"09:30", "The morning's orders", morningOrders},
		{"11:30", "Files of all kinds are uploaded", uploadFiles},
		{"12:15", "The analysts' bucket is down, and orders go on", ordersWithoutAnalytics},
		{"13:15", "The bucket is back", analyticsRecover},
		{"14:00", "Suppliers change prices, customers move, a product is discontinued", changesOfTheDay},
		{"15:00", "The function dies in the middle of the afternoon's orders", ordersThroughCrash},
		{"16:00", "A newsletter goes out whose template nobody has uploaded", newsletter},
		{"17:00", "The operator uploads the template and sends the failures again", redriveFailures},
		{"17:30", "Somebody starts a workflow that the function does not know", unknownWorkflow},
		{"18:00", "The shop closes", closeShop},
	}
}

// closeShop waits for nothing: the evening's account does.
func closeShop(context.Context, *world) error { return nil }
